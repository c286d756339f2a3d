"""Where pictures stand in turns: ``<image>`` in a text, or parts of a content, which may hold their picture."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from runner.data.dialogues.cell_values import nothing, structure, without_nulls
from runner.data.dialogues.row_faults import RowFault
from runner.data.pictured_dialogues.pictured_row import MARK, WRITTEN

#: Types of a part that is a picture, and the keys that may hold it.
TYPES = ("image", "input_image", "image_url")
HOLDERS = ("image", "image_url", "url", "path", "bytes", "base64", "data")
#: Keys of a list of turns that lies in an object.
INNER = ("messages", "conversations", "conversation")
_FRONT = re.compile(rf"\A(?:\s*{MARK})+\s*")


class Slots:
    """The places of pictures, in their order: of each the cell that holds it, None for the next of the column."""

    def __init__(self) -> None:
        self.cells: list[Any] = []

    def turns(self, value: Any) -> Any:
        """The same turns with a mark for each picture, and with texts alone."""
        found = structure(value)
        if isinstance(found, Mapping):
            inner = next((key for key in INNER if key in found), None)
            if inner is not None:
                return {**found, inner: self.turns(found[inner])}
            return self._turn(found)
        if isinstance(found, list):
            return [self.turns(turn) if isinstance(turn, list) else self._turn(turn) for turn in found]
        return self.text(found) if isinstance(found, str) else found

    def text(self, value: Any) -> Any:
        """A text, or a list of parts, as a text with marks; another value stays what it is."""
        if isinstance(value, str):
            # The letter that stands for a picture stands for nothing in data.
            parts = value.replace(MARK, "").split(WRITTEN)
            self.cells += [None] * (len(parts) - 1)
            return tidied(MARK.join(parts))
        parts = structure(value)
        if not isinstance(parts, list) or not any(map(_is_picture, parts)):
            return value
        texts: list[str] = []
        for part in parts:
            if isinstance(part, Mapping) and _is_picture(part):
                self.cells.append(_held(part))
                texts.append(MARK)
            else:
                said = part if isinstance(part, str) else part.get("text") if isinstance(part, Mapping) else None
                if not isinstance(said, str):
                    raise RowFault("unsupported_part", "a part of a turn is neither a text nor a picture")
                said = str(self.text(said))
                texts.append(f"\n{said}" if texts and texts[-1] != MARK else said)
        return tidied("".join(texts))

    def _turn(self, turn: Any) -> Any:
        if not isinstance(turn, Mapping):
            return turn
        return {key: self.text(value) for key, value in turn.items()}


def tidied(text: str) -> str:
    """A text with the pictures at its front on lines of their own, whatever stood between them."""
    front = _FRONT.match(text)
    if front is None:
        return text
    rest = text[front.end() :]
    marks = "\n".join(MARK * front.group().count(MARK))
    return f"{marks}\n{rest}" if rest else marks


def _is_picture(part: Any) -> bool:
    if not isinstance(part, Mapping):
        return False
    sort = part.get("type")
    if sort is None:
        return not isinstance(part.get("text"), str) and any(
            not nothing(part.get(key)) for key in ("image", "image_url")
        )
    return sort in TYPES


def _held(part: Mapping[str, Any]) -> Any:
    """What a part holds of its picture, as a table's cell would: a path, bytes, or an object of both."""
    told = without_nulls(dict(part))
    for key in HOLDERS:
        value = told.get(key)
        if nothing(value):
            continue
        if isinstance(value, Mapping) and not set(value) & {"bytes", "path"}:
            value = value.get("url")
        return {"bytes": value} if key in ("bytes", "base64", "data") and isinstance(value, str) else value
    return None
