"""Pictures that a table's rows name or hold: paths from the table's own folder, bytes, or base64 text.

A path counts from the table's folder, or from ``data.image_folder``. One that is written with backslashes is read as
with slashes, and one that begins with the folder's own name from the folder above; both are counted as changed.
A picture outside of that folder is not read: a container has no other.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.data.column_names import need
from runner.data.images.collected import Collected
from runner.data.images.packed_pictures import PackedPictures
from runner.data.images.pictures import is_picture
from runner.data.records import open_records
from runner.data.records.arrow_files import largest_group
from runner.errors import DataError

if TYPE_CHECKING:
    from runner.data.images.section import ImagesData

#: Rows that are read at a time: they may hold their pictures.
BATCH = 32
#: Bytes of a Parquet file's group of rows from which on it is told that a page of them is held whole.
LARGE_GROUP = 128 * 2**20
#: Rows of a group as the library datasets writes pictures.
GROUP_ROWS = 100
#: What the columns are usually called, the likeliest first; case, blanks and underscores count for nothing.
IMAGE = (
    "image",
    "images",
    "imagepath",
    "imagefile",
    "filename",
    "filepath",
    "file",
    "path",
    "img",
    "imgpath",
    "picture",
)
LABEL = ("label", "labels", "class", "classname", "labelname", "category", "target", "y")
TARGET = ("target", "score", "value", "label", "y", "rating", "count")
#: A text that is longer is looked at as base64.
SHORTEST_BASE64 = 64
#: Characters of a path that are told.
LONGEST_NAME = 4096
#: Bytes of Arrow and Parquet's cells are Python's as they come.
BYTES = (bytes, bytearray, memoryview)


@dataclass(frozen=True)
class Reading:
    """What is read of a table's rows: columns by role, what they are usually called, how texts are written."""

    usual: Mapping[str, Sequence[str]]
    #: The columns that are named, by role, and all those that have to be there.
    own: Mapping[str, str]
    needed: Sequence[str] = ()
    #: The column that says which rows are held out.
    cell: str | None = None
    image_folder: str | None = None
    encoding: str | None = None
    delimiter: str | None = None

    @classmethod
    def of(cls, section: ImagesData) -> Reading:
        """What a section says."""
        usual = {"image": IMAGE, section.role: LABEL if section.predicts == "classes" else TARGET}
        ways = (getattr(section, way) for way in section.WAYS if way.endswith("_column"))
        return cls(
            usual, section.own_columns, section.named_columns, next((name for name in ways if name is not None), None),
            section.image_folder, section.encoding, section.delimiter,
        )  # fmt: skip


@dataclass
class TableReader:
    """Reads the rows of tables into what was found."""

    reading: Reading
    cache: Path
    pointer: str

    def read(self, found: Collected, path: str | Path, side: str | None = None) -> None:
        """The rows of a file, of shards, or of a pattern's files. Raises :class:`DataError` for what is no table."""
        reading = self.reading
        records = open_records(path, pointer=self.pointer, encoding=reading.encoding, delimiter=reading.delimiter)
        columns = None if records.columns is None else self._columns(list(records.columns), str(path))
        tell_of_groups(found, records.files)
        packed = PackedPictures(self.cache, records.files)
        try:
            wanted = None if columns is None else [name for name in columns.values() if name is not None]
            for batch in records.batches(BATCH, columns=None if wanted is None else list(dict.fromkeys(wanted))):
                for line, reason in batch.bad:
                    at = found.add(line, f"{batch.file.name}:{line}", None, side=side)
                    found.fault(at, "unreadable_row", reason)
                for line, row in zip(batch.numbers, batch.rows, strict=True):
                    columns = columns or self._columns(list(row), f"{batch.file}:{line}")
                    self._row(found, row, line, columns, batch.file, side, packed)
            packed.finish()
        finally:
            packed.abandon()
        if columns is not None:
            found.facts["columns"] = {role: name for role, name in columns.items() if name is not None}

    def _columns(self, present: list[str], where: str) -> dict[str, str | None]:
        """The columns by role. Raises :class:`DataError` for one that is not there, or is not found."""
        reading = self.reading
        need(present, reading.needed, where)
        found: dict[str, str | None] = {}
        for role, names in reading.usual.items():
            free = {plain(name): name for name in reversed(present) if name not in reading.own.values()}
            found[role] = reading.own.get(role) or next((free[name] for name in names if name in free), None)
            if found[role] is None:
                raise DataError(
                    f"no column is known as the {'picture' if role == 'image' else role}",
                    where=f"/data/columns/{role}",
                    hint=f'name it: "columns": {{"{role}": ...}}; there are: {", ".join(map(repr, present[:30]))}',
                )
        if len(set(found.values())) < len(found):
            raise DataError(f"the column {found['image']!r} has two roles: {', '.join(found)}", where=where)
        return found | {"cell": reading.cell}

    def _row(
        self, found: Collected, row: Mapping[str, Any], line: int, columns: Mapping[str, str | None], file: Path,
        side: str | None, packed: PackedPictures,
    ) -> None:  # fmt: skip
        image, *label, cell = (None if name is None else row.get(name) for name in columns.values())
        at = found.add(line, "", label[0] if label else None, side=side, cell=cell)
        self.find_picture(found, at, image, file, packed)

    def find_picture(self, found: Collected, at: int, cell: Any, file: Path, packed: PackedPictures) -> None:
        """Name a row's picture and find it: a cell of ``file`` names or holds it. What is wrong becomes its fault."""
        path, data = _parts(cell)
        found.names[at] = path or f"{file.name}: row {found.rows[at]}"
        if data is not None:
            found.packed(at, data, packed)
        elif path is None:
            what = "there is none" if cell is None or cell == "" else f"the cell is {type(cell).__name__}"
            found.fault(at, "missing_picture" if cell in (None, "") else "no_picture", what)
        else:
            self._path(found, at, path, file.parent, packed)

    def _path(self, found: Collected, at: int, path: str, beside: Path, packed: PackedPictures) -> None:
        """The place of a picture that a text names, or holds."""
        if (data := of_base64(path)) is not None:
            found.names[at] = f"row {found.rows[at]}"
            found.packed(at, data, packed)
            return
        if path[:5].lower() == "data:":
            found.names[at] = f"row {found.rows[at]}"
            found.fault(at, "unreadable", "its data: URL holds no picture of a kind that is read, as base64")
            return
        # What is no path may be as long as a picture.
        found.names[at] = path[:LONGEST_NAME]
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", path):
            found.fault(at, "url", f"{path[:100]!r} is a URL, and pictures are read from files")
            return
        folder = Path(self.reading.image_folder) if self.reading.image_folder is not None else beside
        for candidate, change in _candidates(path, folder):
            try:
                if not candidate.is_file():
                    continue
            except (OSError, ValueError):
                continue
            if not _within(candidate, folder):
                found.fault(at, "outside_folder", f"{path[:200]!r} lies outside of {folder}")
                return
            found.lies_in(at, candidate)
            if change:
                found.change(at, change)
            return
        found.fault(at, "missing_picture", f"there is no file {path[:200]!r} in {folder}")


def tell_of_groups(found: Collected, files: Sequence[Path]) -> None:
    """Say of Parquet files whose groups of rows are large: readers hold a page of a group, which may be all of it."""
    groups = [(size, rows, file.name) for file in files for rows, size in [largest_group(file)] if rows > GROUP_ROWS]
    large = [each for each in groups if each[0] > LARGE_GROUP]
    if large:
        size, rows, name = max(large)
        found.facts["large_row_groups"] = found.facts.get("large_row_groups", 0) + len(large)
        more = f", and {len(large) - 1:,} other files have such groups" if len(large) > 1 else ""
        found.warnings.append(
            f"{name} has {rows:,} rows of {size / 2**20:,.0f} MiB in one group{more}: much of a group is in memory at "
            f"once while it is read; write files of pictures with row_group_size={GROUP_ROWS}"
        )


def _within(path: Path, folder: Path) -> bool:
    """Whether a path leads to below a folder, as it is written: a link in the folder may lie anywhere."""
    return Path(os.path.normpath(path.absolute())).is_relative_to(os.path.normpath(folder.absolute()))


def _candidates(path: str, folder: Path) -> list[tuple[Path, str | None]]:
    """Where a path may lead, in order, each with what is counted then."""
    found: list[tuple[Path, str | None]] = [(folder / path, None)]
    if "\\" in path:
        path = path.replace("\\", "/")
        found.append((folder / path, "backslash_path"))
    if path.split("/", 1)[0] == folder.resolve().name and "/" in path:
        found.append((folder / path.split("/", 1)[1], "path_from_above"))
    return found


def _parts(cell: Any) -> tuple[str | None, bytes | None]:
    """The path and the bytes that a cell has of a picture: a struct of both is how data sets of the Hub hold one."""
    if isinstance(cell, BYTES):
        return None, bytes(cell)
    if isinstance(cell, Mapping) and set(cell) & {"bytes", "path"}:
        data, path = cell.get("bytes"), cell.get("path")
        named = path if isinstance(path, str) and path.strip() else None
        if isinstance(data, str):
            data = of_base64(data)
        return named, bytes(data) if isinstance(data, BYTES) else None
    if isinstance(cell, str) and cell.strip():
        return cell.strip(), None
    return None, None


def of_base64(text: str) -> bytes | None:
    """The bytes of a picture that is written as base64, or as a ``data:`` URL; None for any other text."""
    if text.startswith("data:"):
        text = text.partition(",")[2]
    elif len(text) < SHORTEST_BASE64 or not re.match(r"[A-Za-z0-9+/]{64}", text):
        return None
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if is_picture(data) else None


def plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name).lower()
