"""The rows of a file with their pictures, each looked at once: a row that lacks one of them is left out by name."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runner.contract import DataReport
from runner.data import holdout
from runner.data.dialogues.collected import Collected, count_oddities, layout_rows
from runner.data.dialogues.row_faults import RowFault, Told
from runner.data.dialogues.row_keys import prompt_key
from runner.data.dialogues.row_preparation import note_fault, side_column
from runner.data.images.collected import Collected as CollectedPictures
from runner.data.images.packed_pictures import PackedPictures
from runner.data.images.picture_look import Looked, look
from runner.data.images.table_pictures import BATCH, Reading, TableReader, tell_of_groups
from runner.data.kept_rows import KEYS
from runner.data.pictured_dialogues.pictured_row import Picture, PicturedRow
from runner.data.records import open_records

if TYPE_CHECKING:
    from runner.data.pictured_dialogues.section import PicturedDialoguesData


class PictureShelf:
    """The pictures of a data set: one that is named several times is there once."""

    def __init__(self, reader: TableReader, cache: Path, sources: Sequence[Path]) -> None:
        self.found = CollectedPictures()
        self._reader, self._packed = reader, PackedPictures(cache, sources)
        self._known: dict[tuple[str, Path], int] = {}

    def put(self, cell: Any, line: int, file: Path) -> int:
        """The number of a cell's picture."""
        held = cell.get("bytes") if isinstance(cell, Mapping) else cell
        told = hashlib.blake2b(held, digest_size=16).hexdigest() if isinstance(held, bytes) else cell
        known = (told, file.parent) if isinstance(told, str) else None
        if known is not None and known in self._known:
            return self._known[known]
        at = self.found.add(line, "", None)
        self._reader.find_picture(self.found, at, cell, file, self._packed)
        if known is not None:
            self._known[known] = at
        return at

    def finish(self) -> None:
        self._packed.finish()

    def abandon(self) -> None:
        self._packed.abandon()

    def look(self) -> Looked:
        """Look at all of them; what is wrong with one becomes its fault."""
        rows = np.array([at for at in range(len(self.found)) if at not in self.found.faults], np.int64)
        return look(self.found.pictures(), rows, self.found)


def collect(section: PicturedDialoguesData, path: str, pointer: str, report: DataReport, cache: Path) -> Collected:
    """Read and convert every row. Raises :class:`DataError` for a file that cannot be read.

    A row that cannot be used, and one whose picture cannot, is counted in ``report``.
    """
    records = open_records(path, pointer=pointer, encoding=section.encoding, delimiter=section.delimiter)
    told = Told()
    layout: Any = layout_rows(section, told, records.unit == "row")
    found = Collected(records.unit, told, layout, cache)
    found.seen = dict.fromkeys(records.columns or ())
    way = side_column(section)
    reading = Reading({}, {}, image_folder=section.image_folder)
    shelf = PictureShelf(TableReader(reading, cache, pointer), cache, records.files)
    drafts: list[tuple[PicturedRow, list[int], Any]] = []
    tell_of_groups(shelf.found, records.files)
    try:
        for batch in records.batches(BATCH):
            report.rows_read += len(batch.numbers) + len(batch.bad)
            for line, reason in batch.bad:
                report.drop(reason, [line])
            for line, row in zip(batch.numbers, batch.rows, strict=True):
                found.seen.update(dict.fromkeys(row))
                try:
                    (made,) = layout.rows(row, line)
                except RowFault as fault:
                    note_fault(found.details, report, line, fault)
                    continue
                numbers = [shelf.put(cell, line, batch.file) for cell in layout.cells]
                drafts.append((made, numbers, None if way is None else row.get(way)))
                count_oddities(found, report, line)
        shelf.finish()
    finally:
        shelf.abandon()
    told.sentences |= dict.fromkeys(shelf.found.warnings)
    report.facts |= shelf.found.facts
    _keep(found, drafts, shelf, report, way is not None)
    return found


def _keep(
    found: Collected, drafts: list[tuple[PicturedRow, list[int], Any]], shelf: PictureShelf, report: DataReport,
    celled: bool,
) -> None:  # fmt: skip
    """The rows whose pictures are all there and whole."""
    looked = shelf.look()
    faults, pictures = shelf.found.faults, shelf.found.pictures()
    groups = Together()
    for row, numbers, cell in drafts:
        broken = next((at for at in numbers if at in faults), None)
        if broken is not None:
            reason, words = faults[broken]
            fault = RowFault(reason, f"{shelf.found.names[broken][:200]}: {words}")
            note_fault(found.details, report, row.line, fault)
            continue
        own = tuple(Picture(pictures, at, int(looked.keys[at])) for at in numbers)
        whole = replace(row, pictures=own)
        found.add([whole], content_key(whole), cell, celled)
        groups.add([picture.key for picture in own])
        for reason in {reason for reason, at in _changes(shelf) if at in numbers}:
            report.change(reason, [row.line])
    # Rows that share a picture are on one side of a split; a row without one goes by what it asks.
    found.prompt = array(KEYS, [
        groups.of(row.pictures[0].key) if row.pictures else prompt_key(row)
        for row in found.examples if isinstance(row, PicturedRow)
    ])  # fmt: skip
    report.facts |= {"pictures": len({picture.key for row in found.examples for picture in _pictures(row)})}
    report.facts |= looked.facts
    if alone := sum(not _pictures(row) for row in found.examples):
        report.facts["rows_without_picture"] = alone


def _changes(shelf: PictureShelf) -> list[tuple[str, int]]:
    return [(reason, at) for reason, numbers in shelf.found.changed.items() for at in numbers]


def _pictures(row: Any) -> tuple[Picture, ...]:
    found: tuple[Picture, ...] = row.pictures
    return found


class Together:
    """Pictures that rows have together: each is known by one of those that it came with, directly or by others."""

    def __init__(self) -> None:
        self._of: dict[int, int] = {}

    def add(self, keys: Sequence[int]) -> None:
        """The pictures of one row belong together."""
        for key in keys:
            first, other = self.of(keys[0]), self.of(key)
            self._of[max(first, other)] = min(first, other)

    def of(self, key: int) -> int:
        """What a picture's group is known by: the least of its keys."""
        path = [key]
        while (above := self._of.setdefault(path[-1], path[-1])) != path[-1]:
            path.append(above)
        for each in path:
            self._of[each] = path[-1]
        return path[-1]


def content_key(row: PicturedRow) -> int:
    """A number of 64 bits for everything that a row says and shows."""
    told = {
        **row.conversation.as_dict(), "pictures": [picture.key for picture in row.pictures], "answers": row.answers,
    }  # fmt: skip
    return holdout.text_key(json.dumps(told, ensure_ascii=False, sort_keys=True))
