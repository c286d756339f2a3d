"""A JSON array of objects, read one object at a time: memory grows with the largest object, not with the file."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from runner.data.records.byte_streams import CHUNK
from runner.data.records.json_lines import LONGEST_ROW, fault, usable
from runner.data.records.json_objects import ObjectReader
from runner.errors import DataError

BLANK = " \t\r\n"
HINT = "rows in JSON are an array of objects, or an object a line (.jsonl)"


def rows(file: BinaryIO, name: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Each object with the line that it begins on, or why it cannot be used. Raises :class:`DataError`.

    Bytes that are not UTF-8 raise ``UnicodeDecodeError``; the caller finds their place.
    """
    text = _Text(file, name)
    text.expect("[")
    if text.peek() == "]":
        text.take(1)
    else:
        while True:
            text.peek()
            line = text.line
            row, source, twice = text.object()
            yield line, twice or usable(row, source)
            mark = text.peek()
            if mark not in (",", "]"):
                raise text.fault("expected a comma or the end of the array")
            text.take(1)
            if mark == "]":
                break
    if text.peek():
        raise text.fault("there is more after the array's end")


def is_array(file: BinaryIO) -> bool:
    """Whether the first character that is not blank opens an array. The stream is left where it was read to."""
    while head := file.read(4096):
        if word := head.removeprefix(codecs.BOM_UTF8).strip():
            return word.startswith(b"[")
    return False


class _Text:
    """A window on the text, and the line of its first character."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self._name = file, name
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._buffer, self._at, self.line, self._column = "", 0, 1, 1
        self._over = False
        self._reader = ObjectReader()

    def peek(self) -> str:
        """The next character that is not blank, "" at the end."""
        while True:
            end = self._at
            while end < len(self._buffer) and self._buffer[end] in BLANK:
                end += 1
            self.take(end - self._at)
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._more(CHUNK):
                return ""

    def take(self, count: int) -> None:
        """Go on by some characters."""
        taken = self._buffer[self._at : self._at + count]
        self._at += count
        lines = taken.count("\n")
        self.line += lines
        self._column = len(taken) - taken.rfind("\n") if lines else self._column + count

    def expect(self, mark: str) -> None:
        if self.peek() != mark:
            raise self.fault(f"expected {mark}")
        self.take(1)

    def object(self) -> tuple[dict[str, Any], str, str | None]:
        """The object that begins here, its text, and why it cannot be used."""
        if self.peek() != "{":
            raise self.fault("expected a JSON object in the array")
        size = CHUNK
        while True:
            try:
                row, end, twice = self._reader.read_at(self._buffer, self._at)
            except json.JSONDecodeError as error:
                # What is cut off by the window's end fails at that end, or in a string that goes on beyond it.
                before = error.pos - self._at
                cut = error.pos >= len(self._buffer) - 16 or error.msg.startswith("Unterminated string")
                if cut and len(self._buffer) - self._at <= LONGEST_ROW and self._more(size):
                    size *= 2
                    continue
                self.take(before)
                raise self.fault(f"not JSON: {fault(error)}") from None
            except (ValueError, RecursionError) as error:
                raise self.fault(f"not JSON that can be read: {error}") from None
            source = self._buffer[self._at : end]
            self.take(end - self._at)
            return row, source, twice

    def fault(self, message: str) -> DataError:
        """An error at the place that is read now."""
        return DataError(f"{message} at column {self._column}", where=f"{self._name}:{self.line}", hint=HINT)

    def _more(self, size: int) -> bool:
        if self._over:
            return False
        chunk = self._file.read(size)
        self._over = not chunk
        self._buffer = self._buffer[self._at :] + self._decoder.decode(chunk, final=not chunk)
        self._at = 0
        return bool(chunk)
