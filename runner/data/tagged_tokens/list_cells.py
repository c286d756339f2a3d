"""A list out of a cell: as it is, as JSON text, as a Python literal, as numpy prints one, or with blanks between."""

from __future__ import annotations

import ast
import io
import json
import tokenize
from typing import Any

from runner.data.dialogues.cell_values import kind, missing
from runner.data.dialogues.row_faults import RowFault


def list_of(value: Any, what: str) -> tuple[list[Any], str]:
    """The list, and how it was written: ``list``, ``json``, ``python``, ``numpy`` or ``words``.

    ``what`` is the role, for messages. Nothing is evaluated. Raises :class:`RowFault` for what is no list.
    """
    if isinstance(value, list | tuple):
        return list(value), "list"
    if missing(value) or value == "":
        raise RowFault(f"missing_{what}", f"{what} is not there")
    if not isinstance(value, str):
        raise RowFault(f"{what}_no_list", f"{what} is {kind(value)}, and no list")
    text = value.strip()
    if not text.startswith(("[", "(")) or not text.endswith(("]", ")")):
        return text.split(), "words"
    try:
        found = json.loads(text)
        if isinstance(found, list):
            return found, "json"
    except (ValueError, RecursionError):
        pass
    try:
        if (printed := _printed(text)) is not None:
            return printed, "numpy"
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError, tokenize.TokenError):
        raise RowFault(f"{what}_no_list", f"{what} begins like a list and is none: {text[:60]!r}") from None
    if not isinstance(found, list | tuple):
        raise RowFault(f"{what}_no_list", f"{what} is {text[:60]!r}, and no list")
    return list(found), "python"


def _printed(text: str) -> list[str] | None:
    """The strings of ``['a' 'b']``, as numpy prints an array: read as Python, they would be one. None for a list."""
    found: list[str] = []
    commas = beside = False
    before = None
    for token in tokenize.generate_tokens(io.StringIO(" ".join(text.splitlines())).readline):
        if token.type == tokenize.STRING:
            beside |= before == tokenize.STRING
            found.append(ast.literal_eval(token.string))
        commas |= token.string == ","
        before = token.type
    if not beside:
        return None
    if commas:
        raise RowFault("list_of_joined_strings", f"two strings stand side by side without a comma: {text[:60]!r}")
    return found
