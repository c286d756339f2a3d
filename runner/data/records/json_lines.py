"""Lines of a file, each with its number: read with a bound, decoded, parsed, and what is wrong told with its place.

Only ``\n`` ends a line: JSON strings may hold U+2028, U+0085 and the like as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from runner.data.records.broken_rows import BrokenRows
from runner.data.records.byte_streams import not_utf8
from runner.data.records.json_objects import ObjectReader
from runner.errors import DataError

#: Bytes of the longest line that is read: what is longer is no prompt but a file of another kind.
LONGEST = 16 * 1024 * 1024
#: The same for a row of training data, which may hold whole documents.
LONGEST_ROW = 256 * 1024 * 1024
HINT = "one JSON object a line; the last line may have been cut off"
#: Why a row that is JSON cannot be used: half a character, which no file could hold and no model read.
HALF = "text that is not valid Unicode"


def numbered(file: BinaryIO, name: str, longest: int = LONGEST) -> Iterator[tuple[int, bytes]]:
    """Every line with its end, from the start; 1 is the first. Raises :class:`DataError` for one past all bounds."""
    if file.seekable():
        file.seek(0)
    number = 0
    while raw := file.readline(longest + 1):
        number += 1
        if len(raw) > longest:
            raise DataError(f"the line is longer than {longest // 1024**2} MiB", where=f"{name}:{number}")
        yield number, raw


def decoded(raw: bytes, where: str, mark: bool = True) -> str:
    """A line as text, without its end and, where one may be in front, the byte-order mark. Raises ``DataError``."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise not_utf8(raw[error.start], error.start, where) from None
    return (text.removeprefix("\ufeff") if mark else text).rstrip("\r\n")


def parsed(text: str, where: str, hint: str) -> Any:
    """A line's JSON value, in which no object has a key twice. Raises :class:`DataError`."""
    value, twice = _value(ObjectReader(), text, where, hint)
    if twice is not None:
        raise DataError(twice, where=where, hint="write each key of an object once")
    return value


def _value(reader: ObjectReader, text: str, where: str, hint: str) -> tuple[Any, str | None]:
    """A line's JSON value, and why it cannot be used. Raises :class:`DataError` for what is no JSON."""
    try:
        return reader.read(text)
    except json.JSONDecodeError as error:
        raise DataError(f"not JSON: {fault(error)} at column {error.colno}", where=where, hint=hint) from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"not JSON that can be read: {error}", where=where, hint=hint) from None


def fault(error: json.JSONDecodeError) -> str:
    """What Python says is wrong, as the middle of a sentence about its place."""
    return error.msg.lower().removesuffix(" at")


def rows(file: BinaryIO, name: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Each line's number and its object, or why it cannot be used; blank lines are none.

    Raises :class:`DataError` at the end of the file for the lines that hold no object, and yields none after the first.
    """
    reader, broken = ObjectReader(), BrokenRows()
    for number, raw in numbered(file, name, LONGEST_ROW):
        try:
            found = _object(reader, raw, f"{name}:{number}", first=number == 1)
        except DataError as error:
            if number == 1 and raw.lstrip(b"\xef\xbb\xbf \t").startswith(b"["):
                # An array may go over many lines, none of which is to blame.
                raise
            broken.add(error)
            continue
        if found is not None and not broken:
            yield number, found
    broken.tell()


def _object(reader: ObjectReader, raw: bytes, where: str, *, first: bool) -> dict[str, Any] | str | None:
    """A line's object, or why it cannot be used; None for a blank line. Raises :class:`DataError` for what is none."""
    text = decoded(raw, where, mark=first)
    if not text.strip():
        return None
    # An array may go over many lines, of which the first is no JSON.
    array = first and text.lstrip().startswith("[")
    row, twice = (None, None) if array else _value(reader, text, where, HINT)
    if not isinstance(row, dict):
        hint = "a file that is one JSON array has a name that ends in .json" if first else None
        raise DataError("expected a JSON object on each line", where=where, hint=hint)
    return twice or usable(row, text)


def usable(row: dict[str, Any], text: str) -> dict[str, Any] | str:
    """The row, or :data:`HALF` where a string of it has half a character; ``text`` is what it was parsed from."""
    if "\\ud" in text.lower():
        try:
            json.dumps(row, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            return HALF
    return row
