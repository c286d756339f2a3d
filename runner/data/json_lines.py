"""Lines of a file, each with its number: read with a bound, decoded, parsed, and what is wrong told with its place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from runner.errors import DataError

#: Bytes of the longest line that is read: what is longer is no prompt but a file of another kind.
LONGEST = 16 * 1024 * 1024


def numbered(file: BinaryIO, name: str) -> Iterator[tuple[int, bytes]]:
    """Every line with its end, from the start; 1 is the first. Raises :class:`DataError` for one past all bounds."""
    file.seek(0)
    number = 0
    while raw := file.readline(LONGEST + 1):
        number += 1
        if len(raw) > LONGEST:
            raise DataError(f"the line is longer than {LONGEST // 1024**2} MiB", where=f"{name}:{number}")
        yield number, raw


def decoded(raw: bytes, where: str) -> str:
    """A line as text, without its end and, in front, without a byte-order mark. Raises :class:`DataError`."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"not UTF-8 text: byte {raw[error.start]:#04x} at position {error.start + 1}",
            where=where,
            hint="save the file as UTF-8",
        ) from None
    return text.removeprefix("\ufeff").rstrip("\r\n")


def parsed(text: str, where: str, hint: str) -> Any:
    """A line's JSON value. Raises :class:`DataError`."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"not JSON: {error.msg.lower()} at column {error.colno}", where=where, hint=hint) from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"not JSON that can be read: {error}", where=where, hint=hint) from None
