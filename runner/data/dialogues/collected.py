"""The rows of a file as a layout makes them, with a report of those that it does not."""

from __future__ import annotations

import importlib
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runner.contract import DataReport
from runner.data.dialogues.cell_values import missing
from runner.data.dialogues.row_faults import ODDITIES, RowFault, Told
from runner.data.dialogues.row_keys import characters, content_key, prompt_key
from runner.data.dialogues.row_layout import LayoutRows
from runner.data.dialogues.row_preparation import note_fault, side_column
from runner.data.dialogues.row_types import LanguageRow
from runner.data.dialogues.turn_reader import TurnReader
from runner.data.records import open_records

if TYPE_CHECKING:
    from runner.data.dialogues.section import DialogueData

#: Rows of a file that are held at a time, beside those that were made of others.
BATCH = 512
KEYS = "Q"


@dataclass
class Collected:
    """What one data set gave. ``rows[i]`` is what the i-th used row of the file is: one of ours, or several."""

    unit: str
    told: Told
    layout: LayoutRows
    rows: list[tuple[LanguageRow, ...]] = field(default_factory=list)
    content: array[int] = field(default_factory=lambda: array(KEYS))
    prompt: array[int] = field(default_factory=lambda: array(KEYS))
    length: array[int] = field(default_factory=lambda: array("q"))
    #: Of each used row the cell of the column that says which side it is on.
    cells: list[Any] = field(default_factory=list)
    #: Every column that a row has, in the order of their appearance.
    seen: dict[str, None] = field(default_factory=dict)
    #: Why rows were dropped: reason -> what was found -> the first row of it.
    details: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def lines(self) -> list[int]:
        """Of each used row its line or number."""
        return [made[0].line for made in self.rows]


def layout_rows(section: DialogueData, told: Told, from_arrow: bool = False) -> LayoutRows:
    """What makes rows of the section's layout."""
    own = section.own_columns
    reader = TurnReader(
        told,
        own.get("role"),
        own.get("content"),
        getattr(section, "role_words", {}),
        getattr(section, "split_think", False),
        from_arrow,
    )
    layout: LayoutRows = importlib.import_module(section.made_by).Layout(own, told, reader)
    for name in layout.SETTINGS:
        setattr(layout, name, getattr(section, name))
    return layout


def collect(section: DialogueData, path: str, pointer: str, report: DataReport) -> Collected:
    """Read and convert every row. Raises :class:`DataError` for a file that cannot be read.

    A row that cannot be used is counted in ``report``, and so is one that is used otherwise than it stands.
    """
    records = open_records(path, pointer=pointer, encoding=section.encoding, delimiter=section.delimiter)
    told = Told()
    found = Collected(records.unit, told, layout_rows(section, told, records.unit == "row"))
    found.seen = dict.fromkeys(records.columns or ())
    way = side_column(section)
    for batch in records.batches(BATCH):
        report.rows_read += len(batch.numbers) + len(batch.bad)
        for line, reason in batch.bad:
            report.drop(reason, [line])
        for line, row in zip(batch.numbers, batch.rows, strict=True):
            found.seen.update(dict.fromkeys(row))
            try:
                made = tuple(found.layout.rows(row, line))
            except RowFault as fault:
                note_fault(found.details, report, line, fault)
                continue
            _keep(found, made, row, way)
            count_oddities(found, report, line)
    return found


def count_oddities(found: Collected, report: DataReport, line: int) -> None:
    """Count what was changed of the row that was just read, and what is odd about it."""
    told = found.told
    for reason in sorted(told.changed):
        report.change(reason, [line])
    for word in sorted(told.odd | told.noted):
        named = report.named.setdefault(word, [])
        told.counts[word] += 1
        if len(named) < report.NAMED:
            named.append(line)


def _keep(found: Collected, made: tuple[LanguageRow, ...], row: Mapping[str, Any], way: str | None) -> None:
    found.rows.append(made)
    keys = [content_key(each) for each in made]
    found.content.append(keys[0] if len(keys) == 1 else hash(tuple(keys)) % 2**64)
    found.prompt.append(prompt_key(made[0]))
    found.length.append(max(map(characters, made)))
    if way is not None:
        cell = row.get(way)
        found.cells.append(None if missing(cell) else cell)


def oddity_sentences(found: Collected, report: DataReport) -> list[str]:
    """A sentence for each oddity, with the first rows of it."""
    sentences = []
    for odd, meaning in ODDITIES.items():
        if count := found.told.counts.get(odd):
            rows = f"{count:,} rows have" if count > 1 else "1 row has"
            sentences.append(f"{rows} {meaning}: {found.unit} {first(report.named[odd], count)}")
    return sentences


def first(lines: list[int], count: int) -> str:
    """The first ten rows, for a sentence."""
    return ", ".join(map(str, lines[:10])) + (", ..." if count > 10 else "")
