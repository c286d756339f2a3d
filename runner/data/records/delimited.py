"""CSV and its like: a header, then a row of as many cells; a row may go over several lines."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from runner.errors import DataError

#: A cell may be long: csv's own limit is 131,072 characters.
LONGEST = 2**31 - 1
FIELDS = "another number of fields than the header"
NUL = "a NUL character"
WORDS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}


def header(file: BinaryIO, path: Path, delimiter: str) -> list[str]:
    """The names of the columns. Raises :class:`DataError` for none, for one twice, and for another delimiter."""
    return next(_header_and_rows(file, path, delimiter))[1]


def rows(
    file: BinaryIO, path: Path, delimiter: str, columns: Sequence[str] | None
) -> Iterator[tuple[int, dict[str, str] | str]]:
    """Each row's first line, and its cells by column or why it cannot be used; blank lines are none.

    Raises :class:`DataError` with the line; bytes that are not UTF-8 raise ``UnicodeDecodeError``, whose place the
    caller finds.
    """
    found = _header_and_rows(file, path, delimiter)
    _, names, _ = next(found)
    wanted = None if columns is None else [(name, names.index(name)) for name in columns if name in names]
    for line, cells, has_nul in found:
        if has_nul:
            yield line, NUL
        elif len(cells) != len(names):
            yield line, FIELDS
        elif wanted is None:
            yield line, dict(zip(names, cells, strict=True))
        else:
            yield line, {name: cells[at] for name, at in wanted}


def _header_and_rows(file: BinaryIO, path: Path, delimiter: str) -> Iterator[tuple[int, list[str], bool]]:
    """The header, then each row: the line that it begins on, its cells, and whether a NUL is in them."""
    csv.field_size_limit(LONGEST)
    line = 1
    lines = _Lines()
    text = io.TextIOWrapper(file, "utf-8-sig", newline="")
    try:
        reader = csv.reader(lines.of(text), delimiter=delimiter, strict=True)
        names = next(reader, [])
        _check(names, path, delimiter)
        yield line, names, False
        line = reader.line_num + 1
        for cells in reader:
            if cells:
                yield line, cells, lines.has_nul
                lines.has_nul = False
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"not CSV: {error}",
            where=f"{path}:{line}",
            hint='a text with a comma, a quote or a line break stands in quotes, and a quote in it is doubled: ""',
        ) from None
    finally:
        # The file belongs to the caller, and is closed there.
        text.detach()


class _Lines:
    """The lines of a file, and whether one since the last row has a NUL: no text has, and no tool shows it."""

    def __init__(self) -> None:
        self.has_nul = False

    def of(self, text: io.TextIOWrapper) -> Iterator[str]:
        for line in text:
            if "\0" in line:
                self.has_nul = True
            yield line


def _check(names: list[str], path: Path, delimiter: str) -> None:
    where = f"{path}:1"
    if any("\0" in name for name in names):
        raise DataError(
            "the header has NUL characters",
            where=where,
            hint='the file may be UTF-16, which data.encoding says: "utf-16-le"',
        )
    if not names:
        raise DataError("there is no header", where=where, hint="the first line names the columns")
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise DataError(
            f"the header has {', '.join(map(repr, twice))} twice",
            where=where,
            hint="give each column a name of its own, or take one of them out",
        )
    other = next((mark for mark in (";", "\t", ",", "|") if mark != delimiter and mark in names[0]), None)
    if len(names) == 1 and other:
        raise DataError(
            f"the header is one column, {names[0]!r}",
            where=where,
            hint=f"columns are separated by {WORDS.get(delimiter, repr(delimiter))} in a {path.suffix} file; "
            "others are said by data.delimiter in a spec, and by --delimiter for rows that are asked about",
        )
