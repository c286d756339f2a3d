"""Rows as a person reads them, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from runner.contract import LoadedData
from runner.data.pictured_dialogues.pictured_row import MARK, PicturedRow, shown


def as_read(loaded: LoadedData, count: int) -> LoadedData:
    """The first rows of training, each picture named where it stands."""
    return replace(loaded, train=[_named(row) for row in loaded.train[:count]])


def document(row: PicturedRow) -> dict[str, Any]:
    """``{"images": [names], "messages": [...]}``, with ``answers`` where several are right."""
    messages = [turn | {"content": shown(turn["content"])} for turn in row.conversation.as_dict()["messages"]]
    found: dict[str, Any] = {"images": [picture.name for picture in row.pictures], "messages": messages}
    return found | ({"answers": list(row.answers)} if len(row.answers) > 1 else {})


def _named(row: PicturedRow) -> PicturedRow:
    return replace(row, conversation=row.conversation.with_messages(_turns(row)))


def _turns(row: PicturedRow) -> Sequence[Any]:
    names = iter(row.pictures)
    found = []
    for turn in row.conversation.messages:
        parts = turn.content.split(MARK)
        text = parts[0] + "".join(f"<image {next(names).name}>{part}" for part in parts[1:])
        found.append(replace(turn, content=text))
    return found
