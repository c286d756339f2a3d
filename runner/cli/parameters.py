"""Flags that several verbs have."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

Json = Annotated[
    bool,
    Parameter(name="--json", negative="", help="Print one machine-readable document on standard output."),
]


def _no_flag(_type: Any, value: Any) -> None:
    for word in value if isinstance(value, tuple) else (value,):
        if str(word).startswith("--"):
            raise ValueError(f"{word} is a flag, not a file.")


#: A file, where a lone dash is a value too. Another flag is none: a forgotten value must not swallow it.
Dash = Parameter(allow_leading_hyphen=True, validator=_no_flag)
