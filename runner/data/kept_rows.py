"""Rows that are written once and read as often as needed: few of them in memory, many in a file on disk.

A layout that reads a file of rows keeps what it makes of them here, in place of a list. Up to :data:`HELD` bytes they
are a list of Python objects, so that nothing of small data is slower. Beyond, they lie in a file of the workspace's
cache that has no name and goes with the process, and a row is made anew each time that it is asked for. What is held
in memory of a row then is where it ends: 8 bytes; of some of the rows (:meth:`KeptRows.take`) another 8, for which row
each is. What layouts hold beside is numbers in arrays, such as the hash of a row's content: 8 bytes each.

A row on disk is JSON: its texts, numbers, tuples, lists and dictionaries, and its data classes by their fields. What
else a cell may be, such as a date, is held. It is read with ``pread``, so that threads, and processes that were forked,
may read the same file; and nothing is mapped, so that what was read is not counted as the process's.
"""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any, TypeVar, overload

import numpy as np

from runner.store import unnamed_files

Row = TypeVar("Row")
#: Bytes of rows, as they are written, that are held as Python objects.
HELD = 2 * 2**20
#: Bytes that are written, and read in their order, at a time.
CHUNK = 2**18
#: The type of an array of numbers of 64 bits that tell rows apart.
KEYS = "Q"

_PLAIN = (str, int, float, bool, type(None))
_encode = json.JSONEncoder(separators=(",", ":")).encode


class KeptRows(Sequence[Row]):
    """Rows in the order in which they are added. ``folder`` is where they lie once they are many."""

    def __init__(self, folder: Path, rows: Iterable[Row] = ()) -> None:
        self._folder = folder
        #: The rows themselves while they are few.
        self._few: list[Row] | None = []
        self._file: IO[bytes] | None = None
        #: What is still to be written, and where each row ends of all that is.
        self._next = bytearray()
        self._ends = array("q", [0])
        #: Rows that JSON cannot say, by their number; the others are never empty.
        self._held: dict[int, Row] = {}
        for row in rows:
            self.append(row)

    def append(self, row: Row) -> None:
        """Add a row. Raises :class:`~runner.errors.EnvironmentProblem` where there is no room on the disk."""
        data = written(row)
        if data is None:
            self._held[len(self)] = row
            data = b""
        self._ends.append(self._ends[-1] + len(data))
        if self._few is not None:
            self._few.append(row)
            if self._ends[-1] <= HELD:
                return
            few, self._few = self._few, None
            self._file = unnamed_files.open_aside(self._folder)
            for one in few:
                self._write(written(one) or b"")
        else:
            self._write(data)

    def _write(self, data: bytes) -> None:
        self._next += data
        if len(self._next) >= CHUNK:
            self._flush()

    def _flush(self) -> IO[bytes]:
        assert self._file is not None
        if self._next:
            unnamed_files.add(self._file, self._next, self._folder)
            self._next = bytearray()
        return self._file

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> list[Row]: ...
    def __getitem__(self, at: int | slice) -> Row | list[Row]:
        if self._few is not None:
            return self._few[at]
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        row = at + len(self) if at < 0 else at
        if not 0 <= row < len(self):
            raise IndexError(f"there is no row {at} of {len(self)}")
        begin, end = self._ends[row], self._ends[row + 1]
        return self._row(row, os.pread(self._flush().fileno(), end - begin, begin))

    def __iter__(self) -> Iterator[Row]:
        if self._few is not None:
            yield from self._few
            return
        at = 0
        while at < len(self):
            begin, last = self._ends[at], at + 1
            while last < len(self) and self._ends[last + 1] - begin <= CHUNK:
                last += 1
            data = os.pread(self._flush().fileno(), self._ends[last] - begin, begin)
            for row in range(at, last):
                yield self._row(row, data[self._ends[row] - begin : self._ends[row + 1] - begin])
            at = last

    def _row(self, at: int, data: bytes) -> Row:
        found: Row = read(data) if data else self._held[at]
        return found

    def all(self) -> Sequence[Row]:
        """All of them: a list, while they are in memory."""
        return self if self._few is None else self._few

    def take(self, rows: np.ndarray) -> Sequence[Row]:
        """Some of the rows, by index (int ``[n]``): those of a file stay there."""
        if self._few is not None:
            return [self._few[at] for at in rows.tolist()]
        return _Taken(self, np.asarray(rows, np.int64))


class _Taken(Sequence[Row]):
    """Some rows of a file, in an order of their own."""

    def __init__(self, whole: KeptRows[Row], rows: np.ndarray) -> None:
        self._whole, self._rows = whole, rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> list[Row]: ...
    def __getitem__(self, at: int | slice) -> Row | list[Row]:
        if isinstance(at, slice):
            return [self._whole[row] for row in self._rows[at].tolist()]
        return self._whole[int(self._rows[at])]

    def __iter__(self) -> Iterator[Row]:
        return (self._whole[int(row)] for row in self._rows)

    def take(self, rows: np.ndarray) -> Sequence[Row]:
        return _Taken(self._whole, self._rows[rows])


def taken(rows: Sequence[Row], some: np.ndarray) -> Sequence[Row]:
    """Some of the rows, by index (int ``[n]``), whatever holds them: in memory a list, on disk where they lie."""
    if isinstance(rows, KeptRows | _Taken):
        return rows.take(some)
    return [rows[at] for at in some.tolist()]


def as_keys(numbers: array[int]) -> np.ndarray:
    """Numbers that were gathered as :data:`KEYS`, uint64 ``[n]``: the same memory, which does not grow from then on."""
    return np.frombuffer(numbers, np.uint64) if len(numbers) else np.zeros(0, np.uint64)


def written(row: Any) -> bytes | None:
    """A row as it lies on disk; None for what is none of texts, numbers, their collections and data classes."""
    try:
        return _encode(_plain(row)).encode()
    except TypeError:
        return None


def read(data: bytes) -> Any:
    """The inverse of :func:`written`, of this process's own rows."""
    return _value(json.loads(data))


#: The data classes that were written, by their names.
_CLASSES: dict[str, Any] = {}


def _plain(value: Any) -> Any:
    """What JSON can say of it: a list begins with what it stands for, a tuple, a list or a data class."""
    if isinstance(value, _PLAIN):
        return value
    kind = type(value)
    if kind is tuple:
        return ["t", *map(_plain, value)]
    if kind is list:
        return ["l", *map(_plain, value)]
    if kind is dict and all(type(key) is str for key in value):
        return {key: _plain(each) for key, each in value.items()}
    if is_dataclass(kind):
        name, own = _told(kind)
        return [name, *(_plain(getattr(value, each)) for each in own)]
    raise TypeError(f"{kind.__name__} cannot be kept")


def _value(plain: Any) -> Any:
    kind = type(plain)
    if kind is list:
        what, *parts = plain
        parts = [_value(part) if type(part) in (list, dict) else part for part in parts]
        return tuple(parts) if what == "t" else parts if what == "l" else _CLASSES[what](*parts)
    if kind is dict:
        return {key: _value(each) for key, each in plain.items()}
    return plain


@cache
def _told(kind: type) -> tuple[str, tuple[str, ...]]:
    """A data class's name and its fields."""
    name = f"{kind.__module__}.{kind.__qualname__}"
    _CLASSES[name] = kind
    return name, tuple(field.name for field in fields(kind))
