"""The pictures that a path names, each with its place and what is said of it: from folders, an archive or a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runner.data.images.picture_places import WHOLE, Pictures

if TYPE_CHECKING:
    from runner.data.images.packed_pictures import PackedPictures


@dataclass
class Collected:
    """Rows in the order of the data. A row whose picture is not there has a fault, and no place."""

    #: What a row is named by in a report: its line or number in a table, or its picture's name.
    rows: list[int | str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    #: What is to be learned of it, as the data has it: a folder's name, or a cell.
    labels: list[Any] = field(default_factory=list)
    #: ``train``, ``validation`` or ``test``, where folders say so.
    sides: list[str | None] = field(default_factory=list)
    #: The cell of the column that says which rows are held out; nothing where the section names none.
    cells: list[Any] = field(default_factory=list)
    #: Row -> why its picture is not used, and in words.
    faults: dict[int, tuple[str, str]] = field(default_factory=dict)
    #: Reason -> rows that are used otherwise than they stand there.
    changed: dict[str, list[int]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    #: Whether the labels are names of folders.
    by_folder: bool = False
    #: The files that pictures lie in.
    files: list[Path] = field(default_factory=list)
    _number: dict[Path, int] = field(default_factory=dict)
    _file: list[int] = field(default_factory=list)
    _offset: list[int] = field(default_factory=list)
    _length: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, row: int | str, name: str, label: Any, *, side: str | None = None, cell: Any = None) -> int:
        """A row; its picture's place is said next. Its index."""
        self.rows.append(row)
        self.names.append(name)
        self.labels.append(label)
        self.sides.append(side)
        self.cells.append(cell)
        for each in (self._file, self._offset, self._length):
            each.append(0)
        return len(self.rows) - 1

    def lies_in(self, at: int, path: Path, offset: int = 0, length: int = WHOLE) -> None:
        """The place of a row's picture."""
        if path not in self._number:
            self._number[path] = len(self.files)
            self.files.append(path)
        self._file[at], self._offset[at], self._length[at] = self._number[path], offset, length

    def packed(self, at: int, data: bytes, into: PackedPictures) -> None:
        """The same of a picture whose bytes are at hand."""
        self.lies_in(at, into.path, *into.add(data))

    def fault(self, at: int, reason: str, message: str) -> None:
        self.faults.setdefault(at, (reason, message))

    def change(self, at: int, reason: str) -> None:
        self.changed.setdefault(reason, []).append(at)

    def pictures(self) -> Pictures:
        """The places of all rows."""
        return Pictures(
            tuple(self.files),
            np.array(self._file, np.int64),
            np.array(self._offset, np.int64),
            np.array(self._length, np.int64),
            tuple(self.names),
        )

    def named(self, rows: Sequence[int] | np.ndarray) -> list[int | str]:
        """What rows are called in a report."""
        return [self.rows[int(at)] for at in rows]
