"""What a row's cells say of its answers: texts and where they start, in any of the ways in which they are written."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from runner.data.dialogues.cell_values import kind, missing, structure
from runner.data.dialogues.row_faults import RowFault

TEXTS, STARTS = ("text", "texts", "answer", "answers"), ("answer_start", "answer_starts", "start", "starts")
#: A Python literal is no longer than this: its parser's memory grows with its depth.
LONGEST_LITERAL = 1_000_000
YES, NO = ("true", "yes", "1", "1.0"), ("false", "no", "0", "0.0")
Found = list[tuple[str, int | None]]


def read_answers(cell: Any, starts: Any = None) -> tuple[Found | None, set[str]]:
    """The answers of a cell, each a text with its start or None, and what was read otherwise than it stands.

    A cell is ``{"text": [...], "answer_start": [...]}``, a list of objects with one text and start each, a list of
    texts, or a text, with the starts in a column of their own; any of these as JSON or as a Python literal, as pandas
    writes them. None is a cell with nothing in it. Raises :class:`RowFault` for what is none of these.
    """
    changed: set[str] = set()
    found, beside = _structured(cell), None if missing(starts) else _structured(starts)
    if missing(found) or (isinstance(found, str) and not found.strip() and beside in (None, "")):
        return None, changed
    if isinstance(found, Mapping):
        texts, own = _value(found, TEXTS), _value(found, STARTS)
        if texts is None and own is None and found:
            raise RowFault("answers_unreadable", f"answers is an object of {', '.join(map(repr, found))}: no text")
        found, beside = texts, own if own is not None else beside
    elif isinstance(found, list) and any(isinstance(each, Mapping) for each in found):
        if not all(isinstance(each, Mapping) for each in found):
            raise RowFault("answers_unreadable", "answers is a list of objects and of other things")
        found, beside = [_value(each, TEXTS) for each in found], [_value(each, STARTS) for each in found]
    texts = [] if missing(found) else found if isinstance(found, list) else [found]
    places = (
        [None] * len(texts) if missing(beside) or beside == "" else beside if isinstance(beside, list) else [beside]
    )
    if len(places) != len(texts):
        # No answer is written as a start of -1 without a text, too.
        if not texts and all(_start(each, changed) == -1 for each in places):
            return [], changed
        raise RowFault("answers_uneven", f"there are {len(texts)} texts of answers and {len(places)} starts")
    return [(_text(text, changed), _start(at, changed)) for text, at in zip(texts, places, strict=True)], changed


def read_truth(cell: Any, what: str) -> bool | None:
    """A cell that says yes or no; None where it says nothing. Raises :class:`RowFault`."""
    word = str(cell).strip().lower()
    if missing(cell) or word == "":
        return None
    if word in YES or word in NO:
        return word in YES
    raise RowFault(f"bad_{what}", f"{what} is {cell!r}, which is neither true nor false")


def _structured(cell: Any) -> Any:
    """A list or an object out of its text, in JSON or in Python."""
    found = structure(cell)
    if not isinstance(found, str) or found.lstrip()[:1] not in ("[", "{") or len(found) > LONGEST_LITERAL:
        return found
    try:
        tree = ast.parse(found.strip(), mode="eval")
        literal = ast.literal_eval(_WithoutArrays().visit(tree))
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return found
    return literal if isinstance(literal, list | dict) else found


class _WithoutArrays(ast.NodeTransformer):
    """``array([19], dtype=int32)``, as NumPy writes a list, as that list."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id == "array" and node.args:
            return self.visit(node.args[0])
        return node


def _value(found: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((found[name] for name in names if name in found and found[name] is not None), None)


def _text(value: Any, changed: set[str]) -> str:
    if isinstance(value, str):
        return value
    if missing(value):
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        changed.add("number_as_text")
        return str(value)
    raise RowFault("answer_not_text", f"an answer is {kind(value)}")


def _start(value: Any, changed: set[str]) -> int | None:
    """A place, whatever number it is written as."""
    if missing(value) or value == "":
        return None
    try:
        number = float(value)
        if isinstance(value, bool) or not number.is_integer():
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise RowFault("bad_answer_start", f"answer_start is {value!r}, which is no whole number") from None
    if isinstance(value, str):
        changed.add("answer_start_as_text")
    return int(number)
