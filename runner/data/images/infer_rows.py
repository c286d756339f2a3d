"""Pictures to be answered, in their order: files, a folder of them, an archive, a table that names or holds them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.data.asked_files import FORMATS, ending_in, put_aside
from runner.data.images.collected import Collected
from runner.data.images.folder_pictures import collect_archive
from runner.data.images.picture_places import Pictures, side_by_side
from runner.data.images.picture_tree import tree_of, walked
from runner.data.images.pictures import SUFFIXES, PictureFault, is_picture, looked_at
from runner.data.images.table_pictures import IMAGE, Reading, TableReader
from runner.data.records.broken_rows import BrokenRows
from runner.errors import DataError, NotFoundError, UsageError

NOTHING, WHERE = "no pictures", "--input"
HOW = "--input FOLDER, a picture, a .zip, or a table with a column of pictures"
#: Rows may name files of this machine: who takes rows of others says from which folder (``folder``).
NAMES_FILES = True
#: Bytes of a pipe that tell what it is.
GLANCE = 64 * 1024


@dataclass(frozen=True)
class PictureRow:
    """One picture. ``id`` is what it is called: its path below the folder that was named, or as a table has it."""

    pictures: Pictures
    at: int
    line: int = 0

    @property
    def id(self) -> str:
        return self.pictures.names[self.at]

    def key(self) -> bytes:
        """What makes it the same question as another: its bytes. Raises :class:`DataError` if they are gone."""
        try:
            return hashlib.blake2b(self.pictures.read(self.at), digest_size=16).digest()
        except PictureFault as fault:
            raise DataError(fault.message, where=self.id) from None


class PictureRows:
    """Pictures that can be read as often as needed. :meth:`check` looks at them all, before anything is computed."""

    noun = "pictures"
    blank = 0
    has_ids = True
    empty = False

    def __init__(self, name: str, found: Collected, holder: Any = None) -> None:
        self.name, self.found, self.holder = name, found, holder
        self.notes: Sequence[str] = found.warnings
        self._pictures = found.pictures()
        self.count = len(found)
        self._sha256 = ""

    def close(self) -> None:
        """Take away what was put aside."""
        if self.holder is not None:
            self.holder.cleanup()

    def check(self) -> None:
        """Look at all of them. Raises :class:`DataError` with the names of those that are no whole pictures."""
        if not self.count:
            raise DataError("there is no picture in it", where=self.name, hint=HOW)
        told, broken = hashlib.sha256(), BrokenRows()
        for at, key in enumerate(side_by_side(self._glance, range(self.count))):
            if isinstance(key, str):
                place = f"{self.name}: {self._pictures.names[at]}"
                broken.add(DataError(key, where=place, hint="every picture that is asked about is answered"))
            else:
                told.update(key)
        broken.tell()
        self._sha256 = told.hexdigest()

    def chunks(self, size: int) -> Iterator[list[PictureRow]]:
        """Every picture, ``size`` at a time. Raises :class:`DataError` if they are not those that were checked."""
        told = hashlib.sha256()
        for start in range(0, self.count, size):
            rows = [PictureRow(self._pictures, at, at + 1) for at in range(start, min(start + size, self.count))]
            for row in rows:
                told.update(row.key())
            yield rows
        if told.hexdigest() != self._sha256:
            raise DataError(
                "a picture was changed while they were read", where=self.name, hint="the same command again"
            )

    def fingerprint(self) -> list[Any]:
        """What tells whether another reading gives the same rows."""
        return [self.count, self._sha256]

    def provenance(self) -> dict[str, Any]:
        """What the provenance says of them."""
        return {"rows": self.count, "rows_sha256": self._sha256, "rows_from": self.name}

    def _glance(self, at: int) -> bytes | str:
        """The picture's key, or what is wrong with it."""
        if at in self.found.faults:
            return self.found.faults[at][1]
        try:
            data = self._pictures.read(at)
            looked_at(data)
        except PictureFault as fault:
            return fault.message
        return hashlib.blake2b(data, digest_size=16).digest()


def from_words(words: Sequence[str], **told: Any) -> PictureRows:
    """Pictures by their paths. Raises :class:`NotFoundError` for one that is not there."""
    if not words:
        raise UsageError(NOTHING, where=WHERE, hint=HOW)
    found = Collected()
    for word in words:
        path = Path(word).expanduser()
        if not path.is_file():
            raise NotFoundError("there is no such picture", where=word, hint="--prompts takes paths of pictures")
        found.lies_in(found.add(word, word, None), path)
    return PictureRows("the command line", found)


def from_file(path: Path, format: str | None = None, **told: Any) -> PictureRows:
    """A folder, a picture, an archive, or a table. ``told``: what the section's ``asked_words`` gives."""
    from runner.data.records.data_files import is_pattern

    if path.is_fifo():
        with path.open("rb") as file:
            return from_pipe(file, format, str(path), **told)
    if not path.exists() and not is_pattern(path):
        raise NotFoundError("there is no such file", where=str(path))
    if path.is_dir():
        tree = tree_of(walked(path, str(path)))
        if tree.pictures:
            found = Collected()
            for name in sorted((name for branch in tree.branches for name in branch.pictures), key=str):
                found.lies_in(found.add(str(name), str(name), None), path / name)
            return PictureRows(str(path), found)
    elif path.suffix.lower() in SUFFIXES and format is None:
        found = Collected()
        found.lies_in(found.add(str(path), str(path), None), path)
        return PictureRows(str(path), found)
    holder = tempfile.TemporaryDirectory(prefix="runner-pictures-")
    try:
        if path.suffix.lower() == ".zip":
            found = collect_archive(None, path, str(path), Path(holder.name))
            found.faults = {at: fault for at, fault in found.faults.items() if fault[0] != "no_class"}
            return PictureRows(str(path), found, holder)
        return PictureRows(str(path), _of_table(path, Path(holder.name), told), holder)
    except BaseException:
        holder.cleanup()
        raise


def from_pipe(stream: Any, format: str | None = None, name: str = "standard input", **told: Any) -> PictureRows:
    """One picture, or a table whose paths count from the current folder, or from ``folder`` where it is told."""
    if format is not None and format not in FORMATS:
        raise UsageError(f"{format} is no format of rows", where="--prompts-format", hint=", ".join(FORMATS))
    holder, raw = put_aside(stream)
    try:
        if not raw.stat().st_size:
            nothing = PictureRows(name, Collected(), holder)
            nothing.empty = True
            return nothing
        data = raw.read_bytes() if format is None and raw.stat().st_size < 2**29 else b""
        if data and is_picture(data):
            found = Collected()
            found.lies_in(found.add(name, name, None), raw)
            return PictureRows(name, found, holder)
        found = _of_table(ending_in(raw, table_ending(data, format)), Path(holder.name), told, folder_of(told))
    except BaseException:
        holder.cleanup()
        raise
    return PictureRows(name, found, holder)


def folder_of(told: Mapping[str, Any]) -> str:
    """The folder that paths in a pipe count from."""
    return os.fspath(told.get("folder") or Path.cwd())


def table_ending(head: bytes, format: str | None) -> str:
    """The ending of a piped table's file: the format's that is said, else by how it begins."""
    if head[:4] == b"PAR1":
        return ".parquet"
    return FORMATS[format] if format else {b"{": ".jsonl", b"[": ".json"}.get(head.lstrip()[:1], ".csv")


def _of_table(path: Path, cache: Path, told: Mapping[str, Any], folder: str | None = None) -> Collected:
    """A table's pictures, whose paths count from ``folder``, else from the table's own: not from the training's."""
    columns = told.get("columns")
    own = {"image": columns["image"]} if isinstance(columns, Mapping) and columns.get("image") else {}
    reading = Reading(
        {"image": IMAGE}, own, list(own.values()), None, folder, told.get("encoding"), told.get("delimiter")
    )
    found = Collected()
    TableReader(reading, cache, "").read(found, path)
    if folder is not None:
        told_of_a_pipe(found, path)
    return found


def told_of_a_pipe(found: Collected, path: Path) -> None:
    """Take the name of the file that a pipe was put into out of what is said of it: it is nobody's."""
    found.warnings = [sentence.replace(path.name, "it", 1) for sentence in found.warnings]
