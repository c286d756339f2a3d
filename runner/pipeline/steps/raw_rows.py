"""Rows of raw files, whatever their container: each with its line, and what cannot be read told beside the others.

Training's own reader refuses a file with a line that is no JSON, since such a file may have been cut off. Here each
such line is a row that was not taken, and JSON may be what raw data is besides: an object that holds a list ``data``,
and rows that are arrays.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner import near_names
from runner.data.hub_files import is_hub_name
from runner.data.records import open_records
from runner.data.records.byte_streams import bad_byte, opened
from runner.data.records.data_files import NAME_ENDS, READ, container_of, data_files, is_pattern, refuse_url
from runner.data.records.json_arrays import BLANK
from runner.data.records.json_lines import LONGEST_ROW, decoded, fault, numbered, usable
from runner.data.records.json_objects import ObjectReader
from runner.data.records.row_reader import check_encoding
from runner.errors import DataError, NotFoundError
from runner.pipeline.steps.row_files import expanded

#: The key of an object that holds the rows.
ROWS_KEY = "data"


@dataclass(frozen=True)
class RawRow:
    """A row, or why there is none: then ``value`` is the text that stands there."""

    file: Path
    line: int
    value: Any
    fault: str | None = None

    @property
    def place(self) -> str:
        return f"{self.file.name}:{self.line}"


def raw_files(path: str | Path) -> list[Path]:
    """The files that a path names: one, a folder's whatever their kinds, a pattern's.

    Raises :class:`NotFoundError` with what lies near, :class:`DataError` for a folder without data.
    """
    text = str(path)
    if is_hub_name(text):
        return data_files(text)[0]
    refuse_url(text, text)
    found = expanded(text)
    if found.is_dir():
        files = sorted(
            each
            for each in found.rglob("*")
            if each.is_file()
            and container_of(each.name)
            and not any(part[0] in "._" for part in each.relative_to(found).parts)
        )
        if not files:
            raise DataError("the folder has no data file", where=text, hint=f"what can be read: {READ}")
        return files
    if not found.exists() and not is_pattern(found):
        raise NotFoundError("there is no such data file", where=text, hint=_near(found))
    return data_files(text)[0]


def raw_rows(path: str | Path, encoding: str | None = None, delimiter: str | None = None) -> Iterator[RawRow]:
    """Every row of every file that a path names. Raises for a file that is no data at all."""
    if encoding is not None:
        check_encoding(encoding, "encoding")
    for file in raw_files(path):
        if container_of(file.name) in ("json", "jsonl"):
            yield from _json(file, encoding)
            continue
        for batch in open_records(file, pointer="", encoding=encoding, delimiter=delimiter).batches():
            yield from (RawRow(file, line, None, reason) for line, reason in batch.bad)
            for line, row in zip(batch.numbers, batch.rows, strict=True):
                yield RawRow(file, line, row)


def _near(path: Path) -> str:
    folder = path.parent
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    names = sorted(
        each.name for each in folder.iterdir() if each.is_file() and each.name.lower().endswith(tuple(NAME_ENDS))
    )
    if not names:
        return f"{folder} has no data file; a relative path counts from the current directory"
    near = near_names.nearest(path.name, names)
    shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    return f"{folder} has {shown}" + (f"; did you mean {folder / near}?" if near else "")


def _json(file: Path, encoding: str | None) -> Iterator[RawRow]:
    try:
        with opened(file, encoding=encoding) as stream:
            if container_of(file.name) == "jsonl" and not _begins_with_list_of_objects(stream):
                yield from _lines(file, stream)
                return
            stream.seek(0)
            text = stream.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise bad_byte(file) from None
    start = _rows_start(text)
    if start is None:
        with opened(file, encoding=encoding) as stream:
            yield from _lines(file, stream)
        return
    yield from _elements(file, text, start)


def _begins_with_list_of_objects(stream: Any) -> bool:
    """Whether a file is one JSON array over many lines, by another name: its first line opens one and ends none."""
    stream.seek(0)
    first = stream.readline(4096).removeprefix(b"\xef\xbb\xbf").strip()
    return first in (b"[", b"[{") or (first.startswith((b"[{", b"[[")) and not first.endswith(b"]"))


def _lines(file: Path, stream: Any) -> Iterator[RawRow]:
    reader = ObjectReader()
    for number, raw in numbered(stream, str(file), LONGEST_ROW):
        try:
            text = decoded(raw, str(file), mark=number == 1)
        except DataError as error:
            yield RawRow(file, number, raw.decode("utf-8", "replace").rstrip("\r\n"), f"not UTF-8: {error.message}")
            continue
        if not text.strip():
            continue
        try:
            value, twice = reader.read(text)
        except json.JSONDecodeError as error:
            yield RawRow(file, number, text, f"not JSON: {fault(error)} at column {error.colno}")
            continue
        except (ValueError, RecursionError) as error:
            yield RawRow(file, number, text, f"not JSON that can be read: {error}")
            continue
        half = usable(value, text) if isinstance(value, dict) else value
        why = twice or (half if isinstance(value, dict) and isinstance(half, str) else None)
        yield RawRow(file, number, text if why else value, why)


def _rows_start(text: str) -> int | None:
    """Where the list of rows begins in one JSON document: the whole, or ``data`` of an object. None for JSON Lines."""
    at = _skip(text, 0)
    if text[at : at + 1] == "[":
        return at
    if text[at : at + 1] != "{":
        return None
    decoder = json.JSONDecoder()
    at = _skip(text, at + 1)
    found: int | None = None
    try:
        while text[at : at + 1] != "}":
            key, at = decoder.raw_decode(text, at)
            at = _skip(text, at)
            if text[at : at + 1] != ":":
                return None
            at = _skip(text, at + 1)
            if key == ROWS_KEY and text[at : at + 1] == "[":
                found = at
            _, at = decoder.raw_decode(text, at)
            at = _skip(text, at)
            if text[at : at + 1] == ",":
                at = _skip(text, at + 1)
    except (ValueError, RecursionError):
        # Cut off in the middle, or lines of which the first is broken: then each line is looked at.
        return found
    return found if _skip(text, at + 1) == len(text) else None


def _elements(file: Path, text: str, start: int) -> Iterator[RawRow]:
    """The elements of the list that begins at ``start``. Raises :class:`DataError` with its line for no JSON."""
    reader = ObjectReader()
    at, line, counted = _skip(text, start + 1), 1, 0
    while text[at : at + 1] != "]":
        line, counted = line + text.count("\n", counted, at), at
        try:
            value, end, twice = reader.read_at(text, at)
        except json.JSONDecodeError as error:
            raise DataError(f"not JSON: {fault(error)} at column {error.colno}", where=f"{file}:{error.lineno}",
                            hint="the file may have been cut off; one row a line (.jsonl) loses only that row"
                            ) from None  # fmt: skip
        except (ValueError, RecursionError) as error:
            raise DataError(f"not JSON that can be read: {error}", where=f"{file}:{line}") from None
        source = text[at:end]
        half = usable(value, source) if isinstance(value, dict) else value
        why = twice or (half if isinstance(value, dict) and isinstance(half, str) else None)
        yield RawRow(file, line, source if why else value, why)
        at = _skip(text, end)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif text[at : at + 1] != "]":
            line += text.count("\n", counted, at)
            raise DataError("expected a comma or the end of the array", where=f"{file}:{line}")


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in BLANK:
        at += 1
    return at
