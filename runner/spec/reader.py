"""Strict reading of a JSON document, with the place of everything in it.

The grammar is RFC 8259's, not what Python's ``json`` lets through: no NaN, no duplicate keys, no numbers past a
double's range, no lone surrogates. Every fault of the text is told at once, as far as it can be read on.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from runner.errors import EnvironmentProblem, Fault, NotFoundError, SpecError
from runner.spec import json_parser, pointers
from runner.spec.text_layout import ArrayShape, ObjectShape, Shape, span

#: A spec is a few kilobytes; what is larger than this is some other file.
LARGEST = 4 * 2**20
#: ``more FILE | ...`` puts the file's name between two lines of colons, where it does not write to a terminal.
_MORE = re.compile(rb":{14}\r?\n[^\r\n]*\r?\n:{14}\r?\n")


@dataclass(frozen=True)
class Document:
    """A document as it was read: its value, its text, and where in the text each part of the value stands."""

    value: dict[str, Any]
    text: str
    source: str
    shape: Shape = field(repr=False)

    @cached_property
    def _lines(self) -> list[int]:
        return line_starts(self.text)

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1, of a character."""
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1

    def position(self, pointer: str) -> tuple[int, int]:
        """Line and column of the value, or of the nearest value around it where there is none."""
        return self.place(self.span(pointer)[0])

    def key_position(self, pointer: str) -> tuple[int, int]:
        """Line and column of a member's key; of the value where it has no key (a list's item, the whole)."""
        key = self.key_span(pointer)
        return self.place(key[0]) if key else self.position(pointer)

    def span(self, pointer: str) -> tuple[int, int]:
        """Start and end in the text of the value, or of the nearest value around it."""
        return span(self.text, self._find(pointer)[0])

    def key_span(self, pointer: str) -> tuple[int, int] | None:
        """Start and end in the text of the member's key, quotes included."""
        key = self._find(pointer)[1]
        return None if key is None else span(self.text, key)

    def written(self, pointer: str) -> str:
        """The value as it is written in the text."""
        start, end = self.span(pointer)
        return self.text[start:end]

    def part(self, pointer: str) -> Document:
        """The object at a pointer as a document of its own, whose places are still those of the whole text."""
        return Document(pointers.get(self.value, pointer), self.text, self.source, self._find(pointer)[0])

    def _find(self, pointer: str) -> tuple[Shape, int | None]:
        shape, key = self.shape, None
        for part in pointers.split(pointer):
            if isinstance(shape, ObjectShape) and part in shape.members:
                key, shape = shape.members[part]
            elif isinstance(shape, ArrayShape) and part.isdigit() and int(part) < len(shape.items):
                key, shape = None, shape.items[int(part)]
            else:
                break
        return shape, key


def read(data: bytes | str, source: str) -> Document:
    """Read a document whose top level is an object. Raises :class:`SpecError` with every fault of the text."""
    text = data if isinstance(data, str) else decode(data, source)
    reading = json_parser.parse(text)
    if reading.troubles:
        starts = line_starts(text)
        raise SpecError([_placed(trouble, starts) for trouble in reading.troubles], source=source)
    return Document(reading.value, text, source, reading.shape)


def read_file(path: Path) -> bytes:
    """A spec file's bytes. Raises NotFoundError, EnvironmentProblem, or SpecError for one past any sane size."""
    try:
        with path.open("rb") as stream:
            return read_stream(stream, str(path))
    except FileNotFoundError:
        raise NotFoundError("there is no such file", where=str(path)) from None
    except IsADirectoryError:
        raise NotFoundError("this is a folder, not a spec file", where=str(path)) from None
    except OSError as error:
        raise EnvironmentProblem(f"cannot be read: {error.strerror or error}", where=str(path)) from None


def read_stream(stream: BinaryIO, source: str) -> bytes:
    """All bytes of a stream. Raises SpecError once they are too many, without reading on, or EnvironmentProblem."""
    try:
        data = stream.read(LARGEST + 1)
    except OSError as error:
        raise EnvironmentProblem(f"cannot be read: {error.strerror or error}", where=source) from None
    if len(data) > LARGEST:
        fault = Fault("the document is too large", expected=f"at most {LARGEST} bytes", hint="is this a spec?")
        raise SpecError([fault], source=source)
    return data


def read_piped(stream: BinaryIO, source: str) -> bytes:
    """All bytes that are piped in, without what ``more`` writes above a file: lines and columns are the file's.

    Raises as :func:`read_stream`.
    """
    data = read_stream(stream, source)
    header = _MORE.match(data)
    return data[header.end() :] if header else data


def decode(data: bytes, source: str) -> str:
    """Bytes as UTF-8 text. Raises SpecError at the first byte that is not."""
    if len(data) > LARGEST:
        fault = Fault("the document is too large", expected=f"at most {LARGEST} bytes", found=f"{len(data)} bytes")
        raise SpecError([fault], source=source)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        fault = Fault(
            "the text is not UTF-8",
            line=before.count("\n") + 1,
            column=len(before) - (before.rfind("\n") + 1) + 1,
            expected="UTF-8 text",
            found=f"the byte 0x{data[error.start]:02x}",
            hint="it looks like UTF-16: save the file as UTF-8"
            if data[:2] in (b"\xff\xfe", b"\xfe\xff")
            else "save the file as UTF-8",
        )
        raise SpecError([fault], source=source) from None


def line_starts(text: str) -> list[int]:
    """The offset at which each line begins."""
    starts = [0]
    at = text.find("\n")
    while at >= 0:
        starts.append(at + 1)
        at = text.find("\n", at + 1)
    return starts


def _placed(trouble: json_parser.Trouble, starts: list[int]) -> Fault:
    def place(offset: int) -> tuple[int, int]:
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    line, column = place(trouble.at)
    fault = replace(trouble.fault, line=line, column=column)
    if trouble.other is not None and fault.hint is not None:
        other = "line {}, column {}".format(*place(trouble.other))
        fault = replace(fault, hint=fault.hint.replace("{place}", other))
    return fault
