"""From a data section to two splits: read and convert, draw, divide, tell of everything."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runner.contract import DataReport, LoadContext, LoadedData
from runner.data.dialogues.collected import Collected, collect, first, oddity_sentences
from runner.data.dialogues.refusals import details, need_rows
from runner.data.dialogues.row_faults import ODDITIES
from runner.data.dialogues.row_preparation import (
    drawn_and_divided,
    fingerprint,
    row_counts,
    tell_of_sibling,
    tell_repeats,
    tell_shared,
    warner,
)
from runner.data.dialogues.row_types import LanguageRow
from runner.data.kept_rows import as_keys

if TYPE_CHECKING:
    from runner.data.dialogues.section import DialogueData

#: A row is told of as long where it has at least so many characters, and so many times those of the middle row.
LONG, LONG_TIMES = 1000, 20


#: Reads the rows of a path into a report: (section, path, pointer, report, cache).
Read = Callable[[Any, str, str, DataReport, Path], Collected]


def prepare(section: DialogueData, context: LoadContext, read: Read = collect) -> LoadedData:
    """:meth:`DialogueData.load`, step by step. ``read`` makes rows of a path's."""
    report = context.report
    report.layout = section.layout

    warn = warner(context)
    found = read(section, section.source, "/data/dataset", report, context.cache)
    need_rows(section, section.source, "/data/dataset", found, report)
    tell_of_sibling(section, section.source, warn)
    _tell(section, found, report, warn)
    content, prompt = as_keys(found.content), as_keys(found.prompt)
    taken, learned, held = drawn_and_divided(
        section,
        section.max_samples,
        report,
        lines=found.lines,
        content=content,
        together=prompt,
        cells=found.cells,
        warn=warn,
    )
    train = found.of_rows(learned)
    record: dict[str, Any] = {"dataset": section.dataset}
    if section.validation_data is not None:
        validation, measured = _other_file(section, content[taken], warn, record, read, context.cache)
    else:
        validation, measured = found.of_rows(held), content[held]
    record |= row_counts(report, train, validation)
    told = fingerprint(content[learned], measured)
    return LoadedData(train, validation, told, record, report, section.max_rows_lost)


def _tell(section: DialogueData, found: Collected, report: DataReport, warn: Any) -> None:
    """What was recognised, and what is odd about the rows."""
    told = found.told
    used = told.used | set(section.named_columns)
    report.facts["forms"] = dict(told.forms)
    report.facts["columns"] = {role: ", ".join(sorted(names)) for role, names in sorted(told.columns.items())}
    if unused := [name for name in found.seen if name not in used]:
        report.facts["unused_columns"] = unused
        if unread := [name for name in unused if name in found.pictured]:
            columns = ", ".join(map(repr, unread))
            warn(f"what is in {columns} is not read, and the rows are learned without it: vision_language has pictures")
    if told.unused_keys:
        report.facts["unused_keys_of_turns"] = dict(told.unused_keys)
    if len(found.examples) != len(found):
        report.facts["examples"] = len(found.examples)
    report.facts |= {name: count for name, count in told.counts.items() if name not in ODDITIES}
    for sentence in (*told.sentences, *details(found), *oddity_sentences(found, report)):
        warn(sentence)
    tell_repeats(found.lines, as_keys(found.content), report, warn, "word by word", found.unit)
    middle = statistics.median(found.length)
    if len(found.length) > 2 and (longest := max(found.length)) >= max(LONG, LONG_TIMES * middle):
        line = found.lines[found.length.index(longest)]
        warn(
            f"the longest row ({found.unit} {line}) has {longest:,} characters, the middle one {middle:,.0f}: "
            f"{section.cut_away}",
            "/model/spec/max_length",
        )
    labels = {side: told.counts[side] for side in ("wanted", "unwanted")}
    if sum(labels.values()) and not all(labels.values()):
        warn(f"every answer is {next(side for side, count in labels.items() if count)}: there is nothing to tell apart")


def _other_file(
    section: DialogueData, known: np.ndarray, warn: Any, record: dict[str, Any], read: Read, cache: Path
) -> tuple[Sequence[LanguageRow], np.ndarray]:
    """The rows of ``validation_data``, read as those of training are, and their keys."""
    assert section.validation_data is not None
    path, pointer = section.validation_data, "/data/validation_data"
    report = DataReport(section.layout)
    found = read(section, path, pointer, report, cache)
    need_rows(section, path, pointer, found, report, all_lost_only=True)
    record["validation_rows_dropped"] = dict(report.rows_dropped)
    for reason, count in report.rows_dropped.items():
        shown = first(report.named[reason], count)
        warn(f"rows of {path} that are not measured, {reason} ({count}): {found.unit} {shown}", pointer)
    content = as_keys(found.content)
    tell_shared(content, known, path, warn, "word by word")
    return found.of_rows(np.arange(len(found))), content
