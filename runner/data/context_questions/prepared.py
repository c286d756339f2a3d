"""From a data section to two splits of questions: read, find the answers, draw, divide, tell of everything."""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runner.contract import DataReport, LoadContext, LoadedData
from runner.contract.quantities import counted
from runner.data import holdout
from runner.data.column_names import need
from runner.data.context_questions.question_maker import KNOWN, QuestionMaker
from runner.data.context_questions.question_row import QuestionRow
from runner.data.context_questions.question_source import QuestionSource
from runner.data.dialogues.cell_values import missing
from runner.data.dialogues.row_faults import RowFault
from runner.data.dialogues.row_preparation import (
    Details,
    Warn,
    drawn_and_divided,
    faults_told,
    fingerprint,
    first_of,
    note_fault,
    row_counts,
    side_column,
    tell_of_sibling,
    tell_repeats,
    too_many_lost,
    warner,
)
from runner.data.kept_rows import KEYS, KeptRows, as_keys
from runner.errors import DataError

if TYPE_CHECKING:
    from runner.data.context_questions.section import ContextQuestionsData

#: Stands for the id of a question that has none.
NO_ID = 0


@dataclass
class _Collected:
    """The questions of one path that can be used, with the cell of each that says which side it is on."""

    source: QuestionSource
    maker: QuestionMaker
    rows: KeptRows[QuestionRow]
    cells: KeptRows[Any]
    #: Of each its line or number, what it says, its context, and its id (:data:`NO_ID` for none).
    lines: array[int] = field(default_factory=lambda: array("q"))
    content: array[int] = field(default_factory=lambda: array(KEYS))
    contexts: array[int] = field(default_factory=lambda: array(KEYS))
    ids: array[int] = field(default_factory=lambda: array(KEYS))
    #: How many have no answer, and more than one.
    unanswerable: int = 0
    several: int = 0
    #: Every column that a row has, in the order of their appearance.
    seen: dict[str, None] = field(default_factory=dict)
    #: Why rows were dropped: reason -> what was found -> the first row of it.
    details: Details = field(default_factory=dict)

    def add(self, row: QuestionRow) -> None:
        """One more question."""
        self.rows.append(row)
        self.lines.append(row.line)
        self.content.append(row.content_key())
        self.contexts.append(row.context_key())
        self.ids.append(NO_ID if row.id is None else holdout.text_key(json.dumps(row.id)))
        self.unanswerable += not row.answerable
        self.several += len(row.answers) > 1

    @property
    def unit(self) -> str:
        return self.source.unit

    def told(self) -> list[str]:
        """What was found in rows that are not used, each with the first of them."""
        return faults_told(self.details, self.unit)


def prepare(section: ContextQuestionsData, context: LoadContext) -> LoadedData:
    """:meth:`ContextQuestionsData.load`, step by step."""
    report = context.report
    report.layout = section.layout

    warn = warner(context)
    found = _collect(section, section.source, "/data/dataset", report, context.cache)
    _need_rows(section, section.source, "/data/dataset", found, report)
    tell_of_sibling(section, section.source, warn)
    _tell(section, found, report, warn)
    content, contexts = as_keys(found.content), as_keys(found.contexts)
    _, learned, held = drawn_and_divided(
        section,
        section.max_samples,
        report,
        lines=found.lines,
        content=content,
        together=contexts,
        cells=found.cells,
        warn=warn,
    )
    train = found.rows.take(learned)
    record: dict[str, Any] = {"dataset": section.dataset}
    if section.validation_data is not None:
        validation, measured = _other_file(section, contexts, warn, record, context.cache)
    else:
        validation, measured = found.rows.take(held), content[held]
        if np.isin(contexts[held], contexts[learned]).any():
            warn("questions on one context are on both sides of the split", "/data/validation_split")
    record |= row_counts(report, train, validation)
    told = fingerprint(content[learned], measured)
    return LoadedData(train, validation, told, record, report, section.max_rows_lost)


def _collect(section: ContextQuestionsData, path: str, pointer: str, report: DataReport, cache: Path) -> _Collected:
    """Every question that can be used; the others, and those that were changed, are counted in ``report``."""
    source = QuestionSource(path, pointer, section.encoding, section.delimiter)
    found = _Collected(source, QuestionMaker(section.own_columns), KeptRows(cache), KeptRows(cache))
    way = side_column(section)
    for batch in source.batches():
        report.rows_read += len(batch)
        for line, cells in batch:
            if isinstance(cells, str):
                report.drop(cells, [line])
                continue
            found.seen.update(dict.fromkeys(cells))
            try:
                row = found.maker.row(cells, line)
            except RowFault as fault:
                note_fault(found.details, report, line, fault)
                continue
            found.add(row)
            if way is not None:
                found.cells.append(_cell(cells, way))
            for reason in sorted(found.maker.changed):
                report.change(reason, [line])
    return found


def _cell(cells: Mapping[str, Any], name: str) -> Any:
    return None if missing(cells.get(name)) else cells[name]


def _need_rows(
    section: ContextQuestionsData,
    path: str,
    pointer: str,
    found: _Collected,
    report: DataReport,
    all_lost_only: bool = False,
) -> None:
    """Raise :class:`DataError` where no question can be used, or more are lost than the section allows."""
    if not report.rows_read:
        raise DataError("there is no question in it", where=f"{pointer}: {path}", hint=f"it holds {KNOWN}")
    if found.seen:
        need(list(found.seen), section.named_columns, path)
    lost = report.rows_read - len(found.rows)
    if found.rows and (all_lost_only or lost <= section.max_rows_lost * report.rows_read):
        return
    told = "; ".join(found.told())
    if report.rows_dropped.get("unrecognised_columns") == report.rows_read:
        raise DataError(
            f"the columns are not those of questions on contexts: {told}",
            where="/data/columns" if pointer == "/data/dataset" else f"{pointer}: {path}",
            hint=f'known are {KNOWN}; others are named in data.columns: {{"context": "...", "question": "..."}}',
        )
    raise too_many_lost(report, len(found.rows), f"{pointer}: {path}", found.told(), "questions")


def _tell(section: ContextQuestionsData, found: _Collected, report: DataReport, warn: Warn) -> None:
    """What was recognised, and what is odd about the questions."""
    report.facts["columns"] = {role: ", ".join(sorted(names)) for role, names in sorted(found.maker.columns.items())}
    used = {name for names in found.maker.columns.values() for name in names} | set(section.named_columns)
    if unused := [name for name in found.seen if name not in used]:
        report.facts["unused_columns"] = unused
    report.facts["contexts"] = len(np.unique(as_keys(found.contexts)))
    report.facts["unanswerable"] = found.unanswerable
    if found.several:
        report.facts["with_several_answers"] = found.several
    for sentence in found.told():
        warn(sentence)
    ids, content = as_keys(found.ids), as_keys(found.content)
    _, before, which = np.unique(ids, return_index=True, return_inverse=True)
    odd = (ids != NO_ID) & (content[before[which]] != content)
    if again := [found.lines[at] for at in np.flatnonzero(odd).tolist()]:
        warn(
            f"the id of {counted(len(again), 'questions')} is that of another one before, so that answers, which "
            f"repeat it, cannot be told apart by it: {found.unit} {first_of(again)}",
            "/data/columns/id",
        )
    tell_repeats(found.lines, content, report, warn, "word by word", found.unit, "questions")


def _other_file(
    section: ContextQuestionsData, known: np.ndarray, warn: Warn, record: dict[str, Any], cache: Path
) -> tuple[Sequence[QuestionRow], np.ndarray]:
    """The questions of ``validation_data``, read as those of training are, and what they say: uint64 ``[n]``.

    ``known``: the contexts of those of training, uint64.
    """
    assert section.validation_data is not None
    path, pointer = section.validation_data, "/data/validation_data"
    report = DataReport(section.layout)
    found = _collect(section, path, pointer, report, cache)
    _need_rows(section, path, pointer, found, report, all_lost_only=True)
    record["validation_rows_dropped"] = dict(report.rows_dropped)
    for sentence in found.told():
        warn(f"not measured: {sentence}", pointer)
    if shared := int(np.isin(as_keys(found.contexts), known).sum()):
        warn(
            f"{shared:,} of {counted(len(found.rows), 'questions')} of {path} {'is' if shared == 1 else 'are'} on "
            "contexts of the training data: what is measured on them says little of new texts",
            pointer,
        )
    return found.rows.all(), as_keys(found.content)
