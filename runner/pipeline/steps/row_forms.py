"""What a row says, whatever form it has: a dialogue's turns, what is asked first, all of its text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from runner.data.column_names import need
from runner.data.dialogues.column_roles import Columns
from runner.data.holdout import text_key

#: The keys of a question with its answer.
EXCHANGE = ("user", "assistant")

Turn = tuple[str, str]


def turns_of(row: Mapping[str, Any]) -> list[Turn] | None:
    """The turns of a row that ``process`` made, or of one with ``messages``: role and text. None for any other row."""
    messages = row.get("messages")
    if isinstance(messages, list):
        if all(isinstance(each, Mapping) and isinstance(each.get("role"), str) for each in messages):
            return [(each["role"], _text(each.get("content"))) for each in messages]
        return None
    if all(isinstance(row.get(key), str) for key in EXCHANGE):
        system = row.get("system")
        return [*([("system", system)] if isinstance(system, str) and system else []),
                *((key, row[key]) for key in EXCHANGE)]  # fmt: skip
    return None


def asked_first(turns: Sequence[Turn]) -> str:
    """The user's turns before the first answer, as :func:`runner.data.dialogues.row_keys.prompt_key` has them."""
    asked: list[str] = []
    for role, text in turns:
        if role == "assistant" and asked:
            break
        if role == "user":
            asked.append(text)
    return "\n".join(asked) if asked else turns[0][1] if turns else ""


def prompt_of(row: Mapping[str, Any]) -> str:
    """What a row asks: of a dialogue its first question, of another row the column of a prompt, or all that it says."""
    turns = turns_of(row)
    if turns:
        return asked_first(turns)
    column = Columns(tuple(row)).prompt()
    value = row.get(column) if column is not None else None
    return value if isinstance(value, str) and value.strip() else whole_of(row)


def texts_of(row: Mapping[str, Any]) -> str:
    """All texts of a row, a line each: of a dialogue its turns, of another row its cells."""
    turns = turns_of(row)
    return "\n".join(text for _, text in turns) if turns else "\n".join(_text(cell) for cell in row.values())


def whole_of(row: Mapping[str, Any], columns: Sequence[str] = ()) -> str:
    """All that a row says, or some of its columns, as one text that equal rows share."""
    chosen = {name: row.get(name) for name in columns} if columns else dict(row)
    return json.dumps(chosen, ensure_ascii=False, sort_keys=True, default=str)


def prompt_key(row: Mapping[str, Any]) -> int:
    """A number of 64 bits for what a row asks, whatever its case and spacing: the one that training divides rows by."""
    return text_key(" ".join(prompt_of(row).split()).casefold())


def need_column(row: Mapping[str, Any], columns: Sequence[str], place: str) -> None:
    """Raise :class:`~runner.errors.DataError` where a row lacks one of the columns."""
    need(list(row), columns, place)


def _text(cell: Any) -> str:
    if isinstance(cell, str):
        return cell
    return "" if cell is None else json.dumps(cell, ensure_ascii=False, default=str)
