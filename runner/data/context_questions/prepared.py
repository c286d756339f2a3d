"""From a data section to two splits of questions: read, find the answers, draw, divide, tell of everything."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runner.contract import DataReport, LoadContext, LoadedData
from runner.contract.quantities import counted
from runner.data.column_names import need
from runner.data.context_questions.question_maker import KNOWN, QuestionMaker
from runner.data.context_questions.question_row import QuestionRow
from runner.data.context_questions.question_source import QuestionSource
from runner.data.dialogues.cell_values import missing
from runner.data.dialogues.row_faults import RowFault
from runner.data.dialogues.train_and_holdout import divide, drawn
from runner.data.table_rows.oddities import sibling_file
from runner.errors import DataError

if TYPE_CHECKING:
    from runner.data.context_questions.section import ContextQuestionsData

#: Details that are told of each reason.
DETAILS = 3
Say = Callable[..., None]


@dataclass
class _Collected:
    """The questions of one path that can be used, with the cell of each that says which side it is on."""

    source: QuestionSource
    maker: QuestionMaker
    rows: list[QuestionRow] = field(default_factory=list)
    cells: list[Any] = field(default_factory=list)
    #: Every column that a row has, in the order of their appearance.
    seen: dict[str, None] = field(default_factory=dict)
    #: Why rows were dropped: reason -> what was found -> the first row of it.
    details: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def unit(self) -> str:
        return self.source.unit

    def told(self) -> list[str]:
        """What was found in rows that are not used, each with the first of them."""
        found = [(reason, detail, line) for reason, told in self.details.items() for detail, line in told.items()]
        return [f"{reason} ({self.unit} {line}: {detail})" for reason, detail, line in found]


def prepare(section: ContextQuestionsData, context: LoadContext) -> LoadedData:
    """:meth:`ContextQuestionsData.load`, step by step."""
    report = context.report
    report.layout = section.layout

    def warn(sentence: str, pointer: str = "/data/dataset") -> None:
        report.warnings.append(sentence)
        context.emit("warning", message=sentence, pointer=pointer)

    found = _collect(section, section.source, "/data/dataset", report)
    _need_rows(section, section.source, "/data/dataset", found, report)
    if not any(getattr(section, way) for way in section.WAYS) and (other := sibling_file(Path(section.source))):
        warn(f"{other} lies beside it and is not used", "/data/validation_data")
    _tell(section, found, report, warn)
    content = np.array([row.content_key() for row in found.rows], np.uint64)
    contexts = np.array([row.context_key() for row in found.rows], np.uint64)
    lines = [row.line for row in found.rows]
    taken = drawn(content, section.max_samples, section.seed)
    report.drop("not_sampled", [lines[at] for at in np.setdiff1d(np.arange(len(content)), taken)])
    cells = [found.cells[at] for at in taken] if found.cells else []
    sides = divide(section, contexts[taken], content[taken], cells)
    report.drop("test_rows", [lines[at] for at in taken[sides.test]])
    report.drop("missing_time", [lines[at] for at in taken[sides.without_time]])
    train = [found.rows[at] for at in taken[sides.train]]
    record: dict[str, Any] = {"dataset": section.dataset}
    if section.validation_data is not None:
        validation = _other_file(section, found.rows, warn, record)
    else:
        validation = [found.rows[at] for at in taken[sides.validation]]
        if {row.context_key() for row in train} & {row.context_key() for row in validation}:
            warn("questions on one context are on both sides of the split", "/data/validation_split")
    report.rows_kept = report.rows_read - sum(report.rows_dropped.values())
    record |= {
        "rows_read": report.rows_read,
        "rows_kept": report.rows_kept,
        "rows_dropped": dict(report.rows_dropped),
        "rows_changed": dict(report.rows_changed),
        **report.facts,
        "train": len(train),
        "validation": len(validation),
    }
    return LoadedData(train, validation, _fingerprint(train, validation), record, report, section.max_rows_lost)


def _collect(section: ContextQuestionsData, path: str, pointer: str, report: DataReport) -> _Collected:
    """Every question that can be used; the others, and those that were changed, are counted in ``report``."""
    source = QuestionSource(path, pointer, section.encoding, section.delimiter)
    found = _Collected(source, QuestionMaker(section.own_columns))
    way = next((name for name in (section.split_column, section.group_column, section.time_column) if name), None)
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
                report.drop(fault.reason, [line])
                told = found.details.setdefault(fault.reason, {})
                if fault.detail and (fault.detail in told or len(told) < DETAILS):
                    told.setdefault(fault.detail, line)
                continue
            found.rows.append(row)
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
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in report.rows_dropped.items())
    raise DataError(
        f"{lost:,} of {counted(report.rows_read, 'questions')} cannot be used: {reasons}",
        where="/data/max_rows_lost" if found.rows else f"{pointer}: {path}",
        hint=f"{told}; mend the rows"
        + (", or allow it: data.max_rows_lost is the share that may be lost" if found.rows else ""),
    )


def _tell(section: ContextQuestionsData, found: _Collected, report: DataReport, warn: Say) -> None:
    """What was recognised, and what is odd about the questions."""
    rows = found.rows
    report.facts["columns"] = {role: ", ".join(sorted(names)) for role, names in sorted(found.maker.columns.items())}
    used = {name for names in found.maker.columns.values() for name in names} | set(section.named_columns)
    if unused := [name for name in found.seen if name not in used]:
        report.facts["unused_columns"] = unused
    report.facts["contexts"] = len({row.context_key() for row in rows})
    report.facts["unanswerable"] = sum(not row.answerable for row in rows)
    if several := sum(len(row.answers) > 1 for row in rows):
        report.facts["with_several_answers"] = several
    for sentence in found.told():
        warn(sentence)
    seen: Counter[int] = Counter()
    again = []
    for row in rows:
        key = row.content_key()
        seen[key] += 1
        if seen[key] > 1:
            again.append(row.line)
    if again:
        report.named["duplicates"] = again[: report.NAMED]
        many = f"{len(again):,} questions are" if len(again) > 1 else "1 question is"
        shown = ", ".join(map(str, again[:10])) + (", ..." if len(again) > 10 else "")
        warn(f"{many} there before, word by word, and used again: {found.unit} {shown}")


def _other_file(
    section: ContextQuestionsData, known: list[QuestionRow], warn: Say, record: dict[str, Any]
) -> list[QuestionRow]:
    """The questions of ``validation_data``, read as those of training are."""
    assert section.validation_data is not None
    path, pointer = section.validation_data, "/data/validation_data"
    report = DataReport(section.layout)
    found = _collect(section, path, pointer, report)
    _need_rows(section, path, pointer, found, report, all_lost_only=True)
    record["validation_rows_dropped"] = dict(report.rows_dropped)
    for sentence in found.told():
        warn(f"not measured: {sentence}", pointer)
    contexts = {row.context_key() for row in known}
    if shared := sum(row.context_key() in contexts for row in found.rows):
        warn(
            f"{shared:,} of {counted(len(found.rows), 'questions')} of {path} {'is' if shared == 1 else 'are'} on "
            "contexts of the training data: what is measured on them says little of new texts",
            pointer,
        )
    return found.rows


def _fingerprint(*sides: list[QuestionRow]) -> str:
    """sha256 of what the questions of both sides say, in their order."""
    told = hashlib.sha256()
    for side in sides:
        told.update(b"[" + np.array([row.content_key() for row in side], "<u8").tobytes())
    return told.hexdigest()
