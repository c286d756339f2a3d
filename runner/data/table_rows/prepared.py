"""From a data section to two splits: read, look, drop what has no target, downsample, divide, encode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runner.contract import LoadContext, LoadedData
from runner.data import holdout
from runner.data.column_names import need
from runner.data.table_rows import cells as tables
from runner.data.table_rows.cells import Cells
from runner.data.table_rows.column_encoding import Column, Columns, Read
from runner.data.table_rows.column_kinds import TextColumn, TextsUnsaid, look
from runner.data.table_rows.oddities import (
    all_different,
    index_columns,
    numbers_with_signs,
    repeats_target,
    sibling_file,
    texts_of_numbers,
)
from runner.data.table_rows.splitting import Divided, divide, draw
from runner.data.table_rows.table_record import facts, fingerprint, record_of
from runner.data.table_rows.table_side import TableSplit
from runner.data.table_rows.targets import Target, in_classes, need_rows_of_classes, only_used, read_target, usable
from runner.data.table_rows.training_columns import Looked, Told, fitted_columns, need_columns_left
from runner.data.table_rows.values import is_declared
from runner.errors import DataError

if TYPE_CHECKING:
    from runner.data.table_rows.section import TableData


def prepare(section: TableData, context: LoadContext) -> LoadedData:
    """:meth:`TableData.load`, step by step."""
    table = tables.read(section.dataset, "/data/dataset", section.encoding, section.delimiter)
    # It is the context's from the start, so that a refusal shows what was read and dropped until then.
    report = context.report
    report.layout, report.rows_read = section.layout, len(table) + sum(map(len, table.bad.values()))
    told = Told(report, context)
    for reason, lines in table.bad.items():
        report.drop(reason, lines)
    _need_columns(section, table)
    if not len(table) and not table.bad:
        raise DataError("there is no row in it", where=f"/data/dataset: {table.name}")
    if not any(getattr(section, way) for way in section.WAYS) and (other := sibling_file(Path(section.dataset))):
        told.warn(f"{other} lies beside it and is not used", "/data/validation_data")
    kept, targets = usable_targets(section, table, told)
    looked = _look(section, table, kept, told)
    report.facts = facts(section, looked)
    need_columns_left(section, looked, kept, told)
    keys = _keys(table, looked, targets, kept)
    if section.max_samples is not None and section.max_samples < len(kept):
        drawn = draw(section, keys, targets)
        report.drop("not_sampled", table.lines(np.delete(kept, drawn)))
        kept, keys = kept[drawn], keys[drawn]
        targets = [only_used(target, drawn) for target in targets]
    dates = [column.name for column in looked.columns if column.kind == "date"]
    divided = divide(section, table, kept, keys, targets, dates, told.warn, told.lost())
    report.drop("test_rows", table.lines(kept[divided.neither]))
    report.drop("missing_time", table.lines(kept[divided.without_time]))
    train_rows, held_rows = kept[divided.train], kept[divided.validation]
    targets = need_classes(section, targets, divided, told.lost())
    columns = fitted_columns(section, looked, train_rows, told)
    report.facts = facts(section, looked)
    _told_of_copies(looked, columns, train_rows, targets, divided, told)
    train = _split(columns, looked, train_rows, targets, divided.train, keys, divided)
    record: dict[str, Any] = {"dataset": section.dataset}
    if section.validation_data is not None:
        validation = _other_file(section, train, told, record)
        if not len(validation):
            raise DataError(
                "no row of it can be measured on",
                where=f"/data/validation_data: {section.validation_data}",
                hint="name a file with rows that have their targets, or leave it out",
            )
        _told_of_known_rows(section.validation_data, train, validation, told)
    else:
        validation = _split(columns, looked, held_rows, targets, divided.validation, keys, divided)
        validation = _told_of_unknown(validation, told, lambda rows: table.lines(held_rows[rows]))
    report.rows_kept = report.rows_read - sum(report.rows_dropped.values())
    record |= record_of(report, looked, columns, train, validation)
    return LoadedData(train, validation, fingerprint(columns, train, validation), record, report)


def _need_columns(section: TableData, table: Cells) -> None:
    where = f"{table.files[0]}:1" if table.files and table.unit == "line" else table.name
    need(table.columns, section.named_columns, where)


def usable_targets(section: TableData, table: Cells, told: Told) -> tuple[np.ndarray, list[Target]]:
    """The rows that have their targets, by index, and these targets."""
    read = [read_target(name, table, section) for name in section.targets]
    mask, dropped = usable(read, len(table))
    for reason, rows in dropped.items():
        told.report.drop(reason, table.lines(rows))
    lost = len(table) - int(mask.sum()) + sum(map(len, table.bad.values()))
    if lost > section.max_rows_lost * told.report.rows_read or not mask.any():
        raise DataError(
            f"{lost:,} of {told.report.rows_read:,} rows cannot be used: {told.report.lost() or 'there are no rows'}",
            where="/data/max_rows_lost",
            hint="mend the rows, or allow it: data.max_rows_lost is the share that may be lost",
        )
    told.changed([{reason: rows[mask[rows]] for reason, rows in one.changed.items()} for one in read], table.lines)
    for target in read:
        for sentence in target.warnings:
            told.warn(sentence, "/data/target_columns")
    kept = np.flatnonzero(mask)
    used = [only_used(target, kept) for target in read]
    # Rows of another file are measured on however few there are here of their class.
    if section.predicts == "classes" and section.validation_data is None and section.validation_split:
        for target in used:
            if len(target.classes) > 1:
                need_rows_of_classes(target, section.number_kind)
    return kept, used


def _look(section: TableData, table: Cells, kept: np.ndarray, told: Told) -> Looked:
    looked = Looked()
    changed: list[dict[str, np.ndarray]] = []
    texts: list[TextColumn] = []
    outside = {*section.targets, section.split_column, section.group_column, section.id_column}
    for name, why in index_columns(table).items():
        if name not in outside and name not in section.ignored_columns and name not in section.numerical_columns:
            looked.left_out[name] = why
            told.warn(f"column {name!r} {why}: it is left out")
    if section.id_column is None and (named := _id_column(section, table)):
        looked.left_out[named] = "names the rows"
        told.warn(f"column {named!r} names the rows, all of its cells differ: it is no input", "/data/id_column")
    for name in table.columns:
        if name in outside or name in looked.left_out or name in section.ignored_columns:
            continue
        array = table.column(name)
        try:
            found = look(name, array, section, table.place, untyped=table.untyped)
        except TextsUnsaid as unsaid:
            texts += unsaid.columns
            continue
        if isinstance(found, str):
            looked.left_out[name] = found
            told.warn(f"column {name!r} {found}: it is left out")
            continue
        column, read = found
        changed.append(_told_of_cells(column, read, kept, table, told))
        # A text file has no other numbers than texts; a column that its file calls categories is said to be so.
        said = name in section.categorical_columns or table.untyped or is_declared(array)
        if not said and (odd := texts_of_numbers(column, read)):
            told.warn(odd, "/data/categorical_columns")
        odd = numbers_with_signs(column, read) or all_different(column, read)
        if odd and name not in section.categorical_columns and not is_declared(array):
            told.warn(odd, "/data/categorical_columns")
        looked.columns.append(column)
        looked.reads.append(read)
    if texts:
        raise TextsUnsaid(texts)
    told.changed(changed, table.lines)
    _need_use_of_format(section, looked)
    return looked


def _need_use_of_format(section: TableData, looked: Looked) -> None:
    """Raise where the one format of all dates is no column's."""
    form, ignored = section.date_format, section.ignored_columns
    if isinstance(form, str) and section.time_column not in ignored and not any(c.date_format for c in looked.columns):
        raise DataError(
            f"date_format {form!r} fits no column: none has texts that are dates",
            where="/data/date_format",
            hint="take it out, or name the columns of dates in data.date_columns",
        )


def _told_of_cells(column: Column, read: Read, kept: np.ndarray, table: Cells, told: Told) -> dict[str, np.ndarray]:
    """Warn of infinite cells and of words such as NA, by their lines; reason -> rows."""
    changed = {}
    for rows, reason, words in (
        (read.infinite, "infinite_cell", "a number that is infinite, or too large for a float32,"),
        (read.missing_words, "missing_word", f"a word for a missing {'date' if column.kind == 'date' else 'number'}"),
    ):
        used = rows[np.isin(rows, kept)] if len(rows) else rows
        if len(used):
            lines = table.lines(used)
            shown = ", ".join(map(str, lines[:10])) + (", ..." if len(lines) > 10 else "")
            changed[reason] = used
            told.warn(f"column {column.name!r} has {words} in {table.unit} {shown}: taken as missing")
    return changed


def _id_column(section: TableData, table: Cells) -> str | None:
    """A column that is called id and whose cells all differ."""
    given = {
        *section.targets, *section.numerical_columns, *section.categorical_columns, *section.ignored_columns,
        *section.text_columns, section.time_column, section.group_column,
    }  # fmt: skip
    for name in table.columns:
        if name.lower() == "id" and name not in given:
            array = table.column(name)
            if len(array) > 1 and not array.null_count and len(array.unique()) == len(array):
                return name
    return None


def _keys(table: Cells, looked: Looked, targets: Sequence[Target], kept: np.ndarray) -> np.ndarray:
    """A number for each kept row's inputs and targets: uint64 ``[n]``. The columns' order does not matter."""
    total = np.zeros(len(kept), np.uint64)
    for column, read in zip(looked.columns, looked.reads, strict=True):
        total += _cell_keys(column.name, read, kept)
    for target in targets:
        values = target.values
        words = np.array([holdout.text_key(word) for word in target.classes], np.uint64)
        bits = words[values] if target.classes else (values + 0.0).view(np.uint64)
        total += holdout.mixed(bits ^ np.uint64(holdout.text_key(target.name)))
    return total


def _cell_keys(name: str, read: Read, kept: np.ndarray) -> np.ndarray:
    if read.words is not None:
        words = np.array([*(holdout.text_key(word) for word in read.words.words), 0], np.uint64)
        bits = words[read.words.codes[kept]]
    elif read.whole is not None:
        whole = np.array([*(holdout.text_key(str(number)) for number in read.whole.distinct), 0], np.uint64)
        bits = whole[read.whole.codes[kept]]
    else:
        assert read.numbers is not None
        # One bit pattern for zero and one for missing.
        values = read.numbers[kept] + 0.0
        values[np.isnan(values)] = np.nan
        bits = values.view(np.uint64)
    return holdout.mixed(bits ^ np.uint64(holdout.text_key(name)))


def _told_of_copies(
    looked: Looked, columns: Columns, rows: np.ndarray, targets: Sequence[Target], divided: Divided, told: Told
) -> None:
    """What the columns give away of the targets."""
    used = {column.name for column in columns.columns}
    for column, read in zip(looked.columns, looked.reads, strict=True):
        for target in targets:
            if column.name in used and (why := repeats_target(read, rows, target, divided.train)):
                told.warn(
                    f"column {column.name!r} {why} {target.name!r}: scores mean little if it is known only afterwards"
                )


def _split(
    columns: Columns,
    looked: Looked,
    rows: np.ndarray,
    targets: Sequence[Target],
    within: np.ndarray,
    keys: np.ndarray,
    divided: Divided,
) -> TableSplit:
    """Rows of the file as a learner gets them. ``within``: their indices among the kept ones."""
    matrix = np.empty((len(rows), len(columns.features)), np.float32)
    reads = {column.name: read for column, read in zip(looked.columns, looked.reads, strict=True)}
    at = 0
    for column in columns.columns:
        read = reads[column.name]
        width = len(column.features)
        matrix[:, at : at + width] = column.encode(read.take(rows))
        at += width
    return TableSplit(
        columns,
        matrix,
        {target.name: target.values[within] for target in targets},
        {target.name: target.classes for target in targets},
        keys[within],
        None if divided.groups is None else divided.groups[within],
        None if divided.times is None else divided.times[within],
    )


def need_classes(section: TableData, targets: list[Target], divided: Divided, lost: str) -> list[Target]:
    """The targets with the classes that training has numbered first. Raises where it has fewer than two."""
    if section.predicts == "numbers":
        return targets
    found = []
    for target in targets:
        counts = np.bincount(target.values[divided.train], minlength=len(target.classes))
        if (counts > 0).sum() < 2:
            classes = int((counts > 0).sum())
            raise DataError(
                f"the target {target.name!r} has {classes or 'no'} class in the rows of training{lost}",
                where="/data/target_columns",
                hint="there is nothing to tell apart; is another column the target?",
            )
        # Classes that training lacks get the highest codes, so that those of training have no gap.
        order = np.concatenate([np.flatnonzero(counts > 0), np.flatnonzero(counts == 0)])
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        known = tuple(target.classes[at] for at in order[: int((counts > 0).sum())])
        found.append(replace(target, values=rank[target.values], classes=known, without={}))
    return found


def _told_of_unknown(split: TableSplit, told: Told, lines: Callable[[np.ndarray], list[int]]) -> TableSplit:
    """Held-out rows of a class that training does not have get the code -1, which no answer equals."""
    values = dict(split.targets)
    for name, classes in split.classes.items():
        if not classes:
            continue
        rows = np.flatnonzero((values[name] < 0) | (values[name] >= len(classes)))
        if len(rows):
            values[name] = np.where(values[name] < len(classes), values[name], -1)
            shown = ", ".join(map(str, lines(rows[:10]))) + (", ..." if len(rows) > 10 else "")
            told.warn(
                f"the target {name!r} has a class that training does not have in {len(rows)} held-out rows, which "
                f"count as wrong: {shown}"
            )
    return replace(split, targets=values)


def _other_file(section: TableData, train: TableSplit, told: Told, record: dict[str, Any]) -> TableSplit:
    """The rows of ``validation_data``, read as those of training are."""
    assert section.validation_data is not None
    table = tables.read(section.validation_data, "/data/validation_data", section.encoding, section.delimiter)
    need(table.columns, [*section.targets, *(c.name for c in train.columns.columns)], table.name)
    read = [read_target(name, table, section) for name in section.targets]
    mask, dropped = usable(read, len(table))
    record["validation_rows_dropped"] = {reason: len(rows) for reason, rows in dropped.items()}
    for reason, rows in dropped.items():
        lines = table.lines(rows[:10])
        told.warn(f"rows of {table.name} that are not measured, {reason} ({len(rows)}): {', '.join(map(str, lines))}")
    matrix, odd = train.columns.encode(table)
    for sentence in odd.sentences()[len(odd.extra) > 0 :]:
        told.warn(f"{table.name}: {sentence}", "/data/validation_data")
    kept = np.flatnonzero(mask)
    values = {}
    for target in read:
        known = {word: at for at, word in enumerate(train.classes[target.name])}
        values[target.name] = (in_classes(target, known) if known else target.values)[kept]
    split = TableSplit(train.columns, matrix[kept], values, train.classes, np.arange(len(kept), dtype=np.uint64), None)
    return _told_of_unknown(split, told, lambda rows: table.lines(kept[rows]))


def _told_of_known_rows(name: str, train: TableSplit, validation: TableSplit, told: Told) -> None:
    """Warn of rows to measure on that training has as well, the same in every input and target."""
    known = int(np.isin(_row_numbers(validation), _row_numbers(train)).sum())
    if known:
        told.warn(
            f"{known:,} of {len(validation):,} rows of {name} are rows of the training data too, the same in every "
            "input and target: what is measured on them says nothing of new rows",
            "/data/validation_data",
        )


def _row_numbers(split: TableSplit) -> np.ndarray:
    """A number for every row's inputs and targets, uint64 ``[n]``."""
    found = np.zeros(len(split), np.uint64)
    for column in (*split.matrix.T, *split.targets.values()):
        values = column.astype(np.float64) + 0.0
        values[np.isnan(values)] = np.nan
        found = holdout.mixed(found ^ values.view(np.uint64))
    return found
