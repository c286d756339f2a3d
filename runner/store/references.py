"""What a spec may call things: names that become folders of the store, and references to stored models.

The patterns are what the published schema can say; the store's own check says the rest (Unicode's composed form,
128 bytes and not only characters).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from runner.errors import UsageError
from runner.store.names import name_fault, parse_reference

#: No separator, no control character, no dash, dot or space in front, no space behind, no two dots in a row.
_FIRST = r"[^/\\\x00-\x1f\x7f-\x9f .\-]"
_LATER = r"[^/\\\x00-\x1f\x7f-\x9f .]"
_PART = rf"{_FIRST}(?:(?: *\.)? *{_LATER})*\.?"
NAME_PATTERN = rf"^{_PART}$"
NAME_RULE = "1 to 128 characters, no / or \\, no dash, dot or space in front, no two dots in a row"
_EACH = rf"(?=[^/]{{1,128}}(?:/|$)){_PART}"
REFERENCE_PATTERN = rf"^{_EACH}(?:/{_EACH}(?:/v[1-9][0-9]{{0,8}})?)?$"
REFERENCE_RULE = 'the name of a stored model: "NAME", "TYPE/NAME" or "TYPE/NAME/vN"'


def check_name(name: str) -> str:
    """The name itself, or ValueError: it becomes a folder of the store."""
    fault = name_fault(name)
    if fault:
        raise ValueError(f"the name {fault}")
    return name


def check_reference(reference: str) -> str:
    """The reference itself, or ValueError."""
    try:
        parse_reference(reference)
    except UsageError as error:
        raise ValueError(error.message) from None
    return reference


Name = Annotated[
    str,
    AfterValidator(check_name),
    WithJsonSchema({"type": "string", "maxLength": 128, "pattern": NAME_PATTERN, "x-expected": NAME_RULE}),
]
Reference = Annotated[
    str,
    AfterValidator(check_reference),
    WithJsonSchema({"type": "string", "maxLength": 300, "pattern": REFERENCE_PATTERN, "x-expected": REFERENCE_RULE}),
]
