"""From a data section to two splits of tagged tokens: read, turn tags into IOB2, draw, divide, tell of everything."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runner.contract import DataReport, LoadContext, LoadedData
from runner.contract.quantities import counted
from runner.data.column_names import need
from runner.data.dialogues.cell_values import missing
from runner.data.dialogues.row_faults import RowFault
from runner.data.dialogues.row_preparation import (
    Details,
    Warn,
    drawn_and_divided,
    faults_told,
    fingerprint,
    note_fault,
    row_counts,
    side_column,
    tell_of_sibling,
    tell_repeats,
    tell_shared,
    too_many_lost,
    warner,
)
from runner.data.kept_rows import KEYS, KeptRows, as_keys
from runner.data.tagged_tokens.tag_oddities import oddities, types_by_count
from runner.data.tagged_tokens.tag_schemes import TagReader, scheme_of
from runner.data.tagged_tokens.tagged_row import TaggedRow
from runner.data.tagged_tokens.token_rows import KNOWN, TokenRows, WrittenRow
from runner.data.tagged_tokens.token_source import TokenSource
from runner.errors import DataError

if TYPE_CHECKING:
    from runner.data.tagged_tokens.section import TaggedTokensData


@dataclass(frozen=True)
class TaggedRows:
    """One side of a split: its rows, and the types of entities of the training rows, sorted, on both sides."""

    rows: Sequence[TaggedRow]
    types: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.rows)


@dataclass
class _Collected:
    """The rows of one path that can be used, with the cell of each that says which side it is on."""

    source: TokenSource
    maker: TokenRows
    rows: KeptRows[TaggedRow]
    cells: KeptRows[Any]
    #: Of each its line or number, and what it says, and its tokens.
    lines: array[int] = field(default_factory=lambda: array("q"))
    content: array[int] = field(default_factory=lambda: array(KEYS))
    tokens: array[int] = field(default_factory=lambda: array(KEYS))
    #: Every column that a row has, in the order of their appearance.
    seen: dict[str, None] = field(default_factory=dict)
    #: Why rows were dropped: reason -> what was found -> the first row of it.
    details: Details = field(default_factory=dict)
    scheme: str = ""
    #: The scheme that the tags look like, where the spec says another, and one reads not as the other.
    looks: str = ""
    #: What stood for an outside tag and is none, with how many tokens.
    misspelt: Counter[str] = field(default_factory=Counter)

    @property
    def unit(self) -> str:
        return self.source.unit

    def told(self) -> list[str]:
        """What was found in rows that are not used, each with the first of them."""
        return faults_told(self.details, self.unit)


def prepare(section: TaggedTokensData, context: LoadContext) -> LoadedData:
    """:meth:`TaggedTokensData.load`, step by step."""
    report = context.report
    report.layout = section.layout

    warn = warner(context)
    found = _collect(section, section.source, "/data/dataset", report, context.cache)
    _need_rows(section, section.source, "/data/dataset", found, report)
    tell_of_sibling(section, section.source, warn)
    _tell(section, found, report, warn)
    _, learned, held = drawn_and_divided(
        section,
        section.max_samples,
        report,
        lines=found.lines,
        content=as_keys(found.content),
        together=as_keys(found.tokens),
        cells=found.cells,
        warn=warn,
    )
    train, measured = found.rows.take(learned), as_keys(found.content)[held]
    record: dict[str, Any] = {"dataset": section.dataset}
    if section.validation_data is not None:
        validation, measured = _other_file(section, found, warn, record, context.cache)
    else:
        validation = found.rows.take(held)
    types = tuple(sorted(section.entity_types or {name for row in train for name in row.types}))
    _tell_unseen(validation, types, section, warn)
    report.facts["entities"] = types_by_count(chain(train, validation))
    record |= row_counts(report, train, validation)
    told = fingerprint(as_keys(found.content)[learned], measured)
    return LoadedData(
        TaggedRows(train, types), TaggedRows(validation, types), told, record, report, section.max_rows_lost
    )


def _collect(section: TaggedTokensData, path: str, pointer: str, report: DataReport, cache: Path) -> _Collected:
    """Every row that can be used; the others, and those that were changed, are counted in ``report``."""
    source = TokenSource(path, pointer, section.encoding, section.delimiter)
    maker = TokenRows(section.own_columns, source.conll, section.tag_names)
    found = _Collected(source, maker, KeptRows(cache), KeptRows(cache))
    way = side_column(section)
    #: Each with what was changed of it, and its cell.
    written: KeptRows[tuple[WrittenRow, list[str], Any]] = KeptRows(cache)
    for batch in source.batches():
        maker.class_names = source.class_names
        report.rows_read += len(batch)
        for line, cells in batch:
            if isinstance(cells, RowFault):
                note_fault(found.details, report, line, cells)
                continue
            if isinstance(cells, str):
                report.drop(cells, [line])
                continue
            found.seen.update(dict.fromkeys(cells))
            try:
                row = maker.row(cells, line)
            except RowFault as fault:
                note_fault(found.details, report, line, fault)
                continue
            cell = cells.get(way) if way is not None else None
            written.append((row, sorted(maker.changed), None if missing(cell) else cell))
    looks = scheme_of(row.tags for row, _, _ in written if not row.from_spans)
    found.scheme = given = looks if section.scheme == "auto" else section.scheme
    if looks != given and {looks, given} & {"BILOU", "plain"}:
        found.looks = looks
    reader, in_iob2 = TagReader(found.scheme), TagReader("IOB2")
    for row, told, cell in written:
        changed = set(told)
        try:
            tags = (in_iob2 if row.from_spans else reader).iob2(row.tags, changed)
            made = TaggedRow(row.line, row.tokens, tags, row.text, row.spans, row.id)
            if section.entity_types and (strange := sorted(made.types - set(section.entity_types))):
                raise RowFault("unknown_type", f"{strange[0]!r} is no type of data.entity_types")
        except RowFault as fault:
            note_fault(found.details, report, row.line, fault)
            continue
        found.rows.append(made)
        found.lines.append(made.line)
        found.content.append(made.content_key)
        found.tokens.append(made.tokens_key)
        if way is not None:
            found.cells.append(cell)
        for reason in sorted(changed):
            report.change(reason, [row.line])
        if tags != row.tags and not changed:
            report.facts["rows_turned_into_iob2"] = report.facts.get("rows_turned_into_iob2", 0) + 1
    found.misspelt = reader.misspelt
    return found


def _need_rows(
    section: TaggedTokensData, path: str, pointer: str, found: _Collected, report: DataReport, measured: bool = False
) -> None:
    """Raise :class:`DataError` where no row can be used, or more are lost than the section allows."""
    if not report.rows_read:
        raise DataError("there is no row in it", where=f"{pointer}: {path}", hint=f"it holds {KNOWN}")
    if found.seen and not found.source.conll:
        need(list(found.seen), section.named_columns, path)
    lost = report.rows_read - len(found.rows)
    if found.rows and (measured or lost <= section.max_rows_lost * report.rows_read):
        return
    told = "; ".join(found.told())
    if report.rows_dropped.get("unrecognised_columns") == report.rows_read:
        raise DataError(
            f"the columns are not those of tagged tokens: {told}",
            where="/data/columns" if pointer == "/data/dataset" else f"{pointer}: {path}",
            hint=f'known are {KNOWN}; others are named in data.columns: {{"tokens": "...", "tags": "..."}}',
        )
    if report.rows_dropped.get("tags_are_numbers"):
        raise DataError(
            f"tags are numbers, and nothing says what they stand for: {told}",
            where="/data/tag_names",
            hint='give their names, from 0: ["O", "B-PER", "I-PER", ...]',
        )
    raise too_many_lost(report, len(found.rows), f"{pointer}: {path}", found.told())


def _tell(section: TaggedTokensData, found: _Collected, report: DataReport, warn: Warn) -> None:
    """What was recognised, and what is odd about the rows."""
    report.facts["forms"] = dict(found.maker.forms)
    report.facts["scheme"] = found.scheme
    if found.looks:
        warn(f"data.scheme says that tags are {found.scheme}, and they look like {found.looks}", "/data/scheme")
    report.facts["columns"] = {role: ", ".join(sorted(names)) for role, names in sorted(found.maker.columns.items())}
    report.facts |= dict(found.source.passed_over)
    used = {name for names in found.maker.columns.values() for name in names} | set(section.named_columns)
    if unused := [name for name in found.seen if name not in used]:
        report.facts["unused_columns"] = unused
    if found.misspelt:
        shown = ", ".join(f"{word!r} ({counted(count, 'tokens')})" for word, count in sorted(found.misspelt.items()))
        warn(f"tags that are no O and look like it are read as O: {shown}")
    for sentence in (*found.told(), *oddities(found.rows, found.scheme, found.maker.forms)):
        warn(sentence)
    if cut := report.rows_changed.get("word_cut_at_span"):
        warn(
            f"{counted(cut, 'rows')} have a span that begins or ends within a word, which is cut there: a start counts "
            "from 0, and an end is the character beyond the last"
        )
    tell_repeats(found.lines, as_keys(found.content), report, warn, "token by token", found.unit)


def _other_file(
    section: TaggedTokensData, known: _Collected, warn: Warn, record: dict[str, Any], cache: Path
) -> tuple[Sequence[TaggedRow], np.ndarray]:
    """The rows of ``validation_data``, read as those of training are, and what they say: uint64 ``[n]``."""
    assert section.validation_data is not None
    path, pointer = section.validation_data, "/data/validation_data"
    report = DataReport(section.layout)
    found = _collect(section, path, pointer, report, cache)
    _need_rows(section, path, pointer, found, report, measured=True)
    record["validation_rows_dropped"] = dict(report.rows_dropped)
    record["validation_rows_changed"] = dict(report.rows_changed)
    for sentence in found.told():
        warn(f"not measured: {sentence}", pointer)
    for reason, count in report.rows_changed.items():
        warn(f"{counted(count, 'rows')} of {path} are read otherwise than they stand: {reason}", pointer)
    content = as_keys(found.content)
    tell_shared(content, as_keys(known.content), path, warn, "token by token")
    return found.rows.all(), content


def _tell_unseen(validation: Sequence[TaggedRow], types: Sequence[str], section: TaggedTokensData, warn: Warn) -> None:
    """Types that are measured and were never learned."""
    unseen: dict[str, list[int]] = {}
    for row in validation:
        for name in sorted(row.types - set(types)):
            unseen.setdefault(name, []).append(row.line)
    for name, lines in unseen.items():
        shown = ", ".join(map(str, lines[:5])) + (", ..." if len(lines) > 5 else "")
        place = "/data/validation_data" if section.validation_data is not None else "/data/dataset"
        warn(f"entities of {name!r} are held out and in no row of training (row {shown}): they count as missed", place)
