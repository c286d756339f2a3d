"""The rows of a file as a layout makes them, with a report of those that it does not."""

from __future__ import annotations

import importlib
import shlex
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runner.contract import DataReport
from runner.data.dialogues.cell_values import missing, nothing
from runner.data.dialogues.column_roles import plain
from runner.data.dialogues.row_faults import ODDITIES, RowFault, Told
from runner.data.dialogues.row_keys import characters, content_key, prompt_key
from runner.data.dialogues.row_layout import LayoutRows
from runner.data.dialogues.row_preparation import note_fault, side_column
from runner.data.dialogues.row_types import LanguageRow
from runner.data.dialogues.turn_reader import TurnReader
from runner.data.kept_rows import KEYS, KeptRows, taken
from runner.data.records import Batch, Records, open_records
from runner.errors import DataError

if TYPE_CHECKING:
    from runner.data.dialogues.section import DialogueData

#: Rows of a file that are held at a time, beside those that were made of others.
BATCH = 512
#: Names of columns that a text alone is learned without.
PICTURES = frozenset(("image", "images", "picture", "pictures", "video", "videos", "audio", "audios"))


@dataclass
class Collected:
    """What one data set gave. Many rows lie in a file of ``cache``."""

    unit: str
    told: Told
    layout: LayoutRows
    cache: Path
    #: Ours, in the file's order: of each used row of the file one, or several.
    examples: KeptRows[LanguageRow] = field(init=False)
    #: Of each used row its line or number, and how many examples there are up to its last.
    lines: array[int] = field(default_factory=lambda: array("q"))
    ends: array[int] = field(default_factory=lambda: array("q", [0]))
    content: array[int] = field(default_factory=lambda: array(KEYS))
    prompt: array[int] = field(default_factory=lambda: array(KEYS))
    length: array[int] = field(default_factory=lambda: array("q"))
    #: Of each used row the cell of the column that says which side it is on.
    cells: KeptRows[Any] = field(init=False)
    #: Every column that a row has, in the order of their appearance.
    seen: dict[str, None] = field(default_factory=dict)
    #: Those that are called as pictures, sounds or films are, and have something.
    pictured: set[str] = field(default_factory=set)
    #: Why rows were dropped: reason -> what was found -> the first row of it.
    details: dict[str, dict[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.examples, self.cells = KeptRows(self.cache), KeptRows(self.cache)

    def __len__(self) -> int:
        """Rows of the file that are used."""
        return len(self.lines)

    def add(self, made: Sequence[LanguageRow], content: int, cell: Any, celled: bool) -> None:
        """What a row of the file is, with a number for all that it says; where ``celled``, the cell for its side."""
        for row in made:
            self.examples.append(row)
        self.lines.append(made[0].line)
        self.ends.append(len(self.examples))
        self.content.append(content)
        self.length.append(max(map(characters, made)))
        if celled:
            self.cells.append(None if missing(cell) else cell)

    def of_rows(self, some: np.ndarray) -> Sequence[LanguageRow]:
        """The examples of some rows of the file, by index: int64 ``[n]``."""
        ends = np.frombuffer(self.ends, np.int64)
        counts = ends[some + 1] - ends[some]
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return taken(self.examples, np.repeat(ends[some], counts) + within)


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


def collect(section: DialogueData, path: str, pointer: str, report: DataReport, cache: Path) -> Collected:
    """Read and convert every row. Raises :class:`DataError` for a file that cannot be read.

    A row that cannot be used is counted in ``report``, and so is one that is used otherwise than it stands.
    """
    records = open_records(path, pointer=pointer, encoding=section.encoding, delimiter=section.delimiter)
    told = Told()
    found = Collected(records.unit, told, layout_rows(section, told, records.unit == "row"), cache)
    found.seen = dict.fromkeys(records.columns or ())
    way = side_column(section)
    for batch in _batches(records, section):
        report.rows_read += len(batch.numbers) + len(batch.bad)
        for line, reason in batch.bad:
            report.drop(reason, [line])
        for line, row in zip(batch.numbers, batch.rows, strict=True):
            found.seen.update(dict.fromkeys(row))
            found.pictured |= {name for name in row if plain(name) in PICTURES and not nothing(row[name])}
            try:
                made = tuple(found.layout.rows(row, line))
            except RowFault as fault:
                note_fault(found.details, report, line, fault)
                continue
            _keep(found, made, row, way)
            count_oddities(found, report, line)
    return found


def _batches(records: Records, section: DialogueData) -> Iterator[Batch]:
    """The rows. A file with lines that are no JSON is refused whole, and what leaves such lines out is named."""
    try:
        yield from records.batches(BATCH)
    except DataError as error:
        if records.container == "jsonl" and section.cleaned_by and error.where is not None:
            way_out = leaves_out(section.cleaned_by, error.where)
            error.hint = f"{error.hint}; {way_out}" if error.hint else way_out
        raise


def leaves_out(step: str, where: str) -> str:
    """What to type for lines that are no JSON, at ``where``: a file, and the line behind a colon."""
    file = where.rpartition(":")[0] or where
    return f"`runner data {step} {shlex.quote(file)} FOLDER` leaves out what cannot be read"


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
    keys = [content_key(each) for each in made]
    content = keys[0] if len(keys) == 1 else hash(tuple(keys)) % 2**64
    found.add(made, content, None if way is None else row.get(way), way is not None)
    found.prompt.append(prompt_key(made[0]))


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
