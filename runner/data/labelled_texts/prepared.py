"""From a data section to two splits: read, find the columns, drop what has no text or no target, draw, divide."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from runner.contract import DataReport, LoadContext, LoadedData
from runner.contract.quantities import counted
from runner.data import holdout
from runner.data.kept_rows import KeptRows, taken
from runner.data.labelled_texts.columns import (
    Rows,
    as_lists,
    as_text,
    found_columns,
    joined_labels,
    read_rows,
    spaced_labels,
)
from runner.data.labelled_texts.labelled_side import NO, YES, LabelledSide
from runner.data.no_label import no_label
from runner.data.table_rows.oddities import sibling_file
from runner.data.table_rows.prepared import need_classes, usable_targets
from runner.data.table_rows.section import ClassesData, NumbersData
from runner.data.table_rows.splitting import divide, draw
from runner.data.table_rows.targets import Target, in_classes, only_used, read_target, usable
from runner.data.table_rows.training_columns import Told
from runner.errors import DataError

if TYPE_CHECKING:
    from runner.data.labelled_texts.section import LabelledTextData
    from runner.data.table_rows.section import TableData

#: Lines that a sentence names.
SHOWN = 10


def prepare(section: LabelledTextData, context: LoadContext) -> LoadedData:
    """:meth:`LabelledTextData.load`, step by step."""
    rows = read_rows(section.source, "/data/dataset", section.encoding, section.delimiter, context.cache)
    table, report = rows.cells, context.report
    report.layout, report.rows_read = section.layout, len(table) + sum(map(len, table.bad.values()))
    told = Told(report, context)
    for reason, lines in table.bad.items():
        report.drop(reason, lines)
    if not len(table) and not table.bad:
        raise DataError("there is no row in it", where=f"/data/dataset: {table.name}")
    texts, targets = found_columns(section, rows)
    paired = len(texts) == 2 and section.joined != "lines"
    if section.joined == "pair" and len(texts) != 2:
        raise DataError(f"a pair is of two columns, and there are {len(texts)}", where="/data/joined")
    if not any(getattr(section, way) for way in section.WAYS) and (other := sibling_file(Path(section.source))):
        told.warn(f"{other} lies beside it and is not used", "/data/validation_data")
    as_table = _as_table(section, targets)
    lists = _lists(section, rows, targets)
    many = lists is not None
    empty = _without_text(rows, texts)
    report.drop("empty_text", table.lines(empty))
    report.change("words_joined", table.lines(_of_lists(rows, texts)))
    if lists is not None:
        kept = _with_labels(section, lists, table, told)
        if len(targets) == 1:
            report.change("spaces_around_target", table.lines(spaced_labels(rows.values[targets[0]])))
        named = list(dict.fromkeys(word for at in kept.tolist() for word in lists[at] or ()))
        read = [_one_label(name, lists, kept) for name in sorted(named)]
        if not read:
            raise DataError("no row has a label", where="/data/target_columns", hint="is another column the target?")
    else:
        rows.table(*targets, *_held_out_by(section))
        kept, read = usable_targets(as_table, table, told)
        if section.predicts == "classes" and (odd := joined_labels(read[0].classes)):
            told.warn(odd, "/data/label_separator")
        if section.predicts == "classes" and (
            odd := no_label(Counter(read[0].classes[code] for code in read[0].values.tolist()))
        ):
            told.warn(odd, "/data/target_columns")
    blank = np.zeros(len(table), bool)
    blank[empty] = True
    with_text = np.flatnonzero(~blank[kept])
    kept, read = kept[with_text], [_taken(target, with_text, many) for target in read]
    _need_enough(section, report, len(kept))
    content: Sequence[tuple[str, ...]] = _content(rows, texts, kept, context.cache)
    words = text_keys(content)
    keys = words.copy()
    for target in read:
        bits = (target.values + 0.0).view(np.uint64)
        if target.classes:
            bits = np.array([holdout.text_key(word) for word in target.classes], np.uint64)[target.values]
        keys = holdout.mixed(keys ^ holdout.mixed(bits ^ np.uint64(holdout.text_key(target.name))))
    drawn = np.arange(len(kept))
    # Rows of several labels are divided, and drawn, without regard to them.
    strata = [Target("", np.zeros(len(kept), np.int64), ("",))] if many else read
    if section.max_samples is not None and section.max_samples < len(kept):
        drawn = draw(as_table, keys, strata)
        report.drop("not_sampled", table.lines(np.delete(kept, drawn)))
        kept, keys, words = kept[drawn], keys[drawn], words[drawn]
        content = taken(content, drawn)
        read = [_taken(target, drawn, many) for target in read]
        strata = [Target("", np.zeros(len(kept), np.int64), ("",))] if many else read
    _tell_repeats(words, kept, read, table, told)
    rows.table(*_held_out_by(section))
    # Equal texts are on one side, whatever their targets.
    divided = divide(as_table, table, kept, words, strata, [], told.warn, told.lost())
    report.drop("test_rows", table.lines(kept[divided.neither]))
    report.drop("missing_time", table.lines(kept[divided.without_time]))
    if many:
        read = _known_labels(read, divided.train, told)
    else:
        read = need_classes(as_table, read, divided, told.lost())

    def side(some: np.ndarray) -> LabelledSide:
        return LabelledSide(
            taken(content, some),
            paired,
            {target.name: target.values[some] for target in read},
            {target.name: target.classes for target in read},
            many,
            keys[some],
            table.numbers[kept[some]],
            None if divided.groups is None else divided.groups[some],
        )

    train = side(divided.train)
    record: dict[str, Any] = {"dataset": section.dataset}
    if section.validation_data is not None:
        validation = _other_file(section, context.cache, train, texts, targets, told, record)
    else:
        validation = _unknown_told(side(divided.validation), told)
    report.facts = {"text": list(texts), "target": list(targets)} | (
        {"labels": len(train.targets), "labels_a_row": _labels_a_row(train)} if many else {}
    )
    report.rows_kept = report.rows_read - sum(report.rows_dropped.values())
    record |= {
        "rows_read": report.rows_read,
        "rows_kept": report.rows_kept,
        "rows_dropped": dict(report.rows_dropped),
        "rows_changed": dict(report.rows_changed),
        "columns": report.facts,
        "targets": {name: _counts(train, name) for name in train.targets},
        "train": len(train),
        "validation": len(validation),
    }
    return LoadedData(train, validation, _fingerprint(train, validation), record, report)


def _as_table(section: LabelledTextData, targets: Sequence[str]) -> TableData:
    """The same fields as those of a table, whose targets and split are read in the same way."""
    kind: type[TableData] = _Classes if section.predicts == "classes" else _Numbers
    own = section.model_dump()
    shared = {name: own[name] for name in own.keys() & kind.model_fields.keys() if name != "text_columns"}
    return kind.model_construct(**(shared | {"target_columns": list(targets), "id_column": None}))


class _Classes(ClassesData):
    class_kind: ClassVar[str] = "text_classification"
    number_kind: ClassVar[str] = "text_regression"


class _Numbers(NumbersData):
    class_kind: ClassVar[str] = "text_classification"
    number_kind: ClassVar[str] = "text_regression"


def _held_out_by(section: LabelledTextData) -> list[str]:
    return [name for name in (section.split_column, section.group_column, section.time_column) if name is not None]


def _without_text(rows: Rows, texts: Sequence[str]) -> np.ndarray:
    """The rows of which no text column has a text: int64."""
    columns = [rows.values[name] for name in texts]
    empty = (at for at, cells in enumerate(zip(*columns, strict=True)) if not any(map(as_text, cells)))
    return np.fromiter(empty, np.int64)


def _content(rows: Rows, texts: Sequence[str], kept: np.ndarray, cache: Path) -> KeptRows[tuple[str, ...]]:
    """The texts of the kept rows."""
    columns = [taken(rows.values[name], kept) for name in texts]
    return KeptRows(cache, (tuple(map(as_text, cells)) for cells in zip(*columns, strict=True)))


def text_keys(content: Sequence[tuple[str, ...]]) -> np.ndarray:
    """A number of each row's texts: uint64 ``[n]``."""
    return np.fromiter((holdout.text_key("\n".join(each)) for each in content), np.uint64, len(content))


def _of_lists(rows: Rows, texts: Sequence[str]) -> np.ndarray:
    """The rows of which a text column has a list, whose words are joined by spaces: int64."""
    columns = [rows.values[name] for name in texts]
    return np.array(
        [at for at, cells in enumerate(zip(*columns, strict=True)) if any(isinstance(c, list | tuple) for c in cells)],
        np.int64,
    )


def _lists(section: LabelledTextData, rows: Rows, targets: Sequence[str]) -> list[list[str] | None] | None:
    """Each row's labels where it may have several; None where it has a class, or numbers."""
    if section.predicts == "numbers":
        return None
    if len(targets) == 1:
        return as_lists(rows.values[targets[0]], getattr(section, "label_separator", None))
    found: list[list[str] | None] = [[] for _ in rows.cells.numbers]
    for name in targets:
        for at, value in enumerate(rows.values[name]):
            word = as_text(value).strip().lower()
            if word not in _TRUTHS:
                if not word:
                    found[at] = None
                    continue
                raise DataError(
                    f"the target {name!r} has {as_text(value)!r}; of several target columns each says yes or no",
                    where=rows.cells.place(at),
                    hint="1 or 0, true or false, yes or no; a class for each row is one column",
                )
            labels = found[at]
            if _TRUTHS[word] and labels is not None:
                labels.append(name)
    return found


_TRUTHS = {"1": True, "true": True, "yes": True, "1.0": True, "0": False, "false": False, "no": False, "0.0": False}


def _with_labels(section: LabelledTextData, lists: list[list[str] | None], table: Any, told: Told) -> np.ndarray:
    """The rows of which it is said which labels they have. Those of which it is said that they have none count."""
    missing = [at for at, labels in enumerate(lists) if labels is None]
    told.report.drop("missing_target", table.lines(missing))
    if none := sum(labels == [] for labels in lists):
        told.warn(f"{counted(none, 'rows')} without any label: they are taken to have none", "/data/target_columns")
    return np.array([at for at, labels in enumerate(lists) if labels is not None], np.int64)


def _one_label(name: str, lists: list[list[str] | None], kept: np.ndarray) -> Target:
    values = np.array([name in (lists[at] or ()) for at in kept.tolist()], np.int64)
    return Target(name, values, (NO, YES))


def _taken(target: Target, rows: np.ndarray, many: bool) -> Target:
    """The target of some rows; a label's two answers stay whichever occur."""
    return Target(target.name, target.values[rows], target.classes) if many else only_used(target, rows)


def _known_labels(read: list[Target], train: np.ndarray, told: Told) -> list[Target]:
    """The labels that training has rows of. Raises where it has none."""
    unknown = [target.name for target in read if not target.values[train].any()]
    if unknown:
        shown = ", ".join(map(repr, unknown[:SHOWN])) + (", ..." if len(unknown) > SHOWN else "")
        told.warn(f"no row of training has {shown}: nothing is said of them", "/data/target_columns")
    known = [target for target in read if target.name not in set(unknown)]
    if not known:
        raise DataError("no row of training has a label", where="/data/target_columns")
    return known


def _need_enough(section: LabelledTextData, report: DataReport, kept: int) -> None:
    lost = report.rows_read - kept
    if not kept or lost > section.max_rows_lost * report.rows_read:
        raise DataError(
            f"{lost:,} of {counted(report.rows_read, 'rows')} cannot be used: {report.lost() or 'there are no rows'}",
            where="/data/max_rows_lost",
            hint="mend the rows, or allow it: data.max_rows_lost is the share that may be lost",
        )


def _tell_repeats(words: np.ndarray, kept: np.ndarray, read: Sequence[Target], table: Any, told: Told) -> None:
    """Warn of texts that are there several times with different targets."""
    _, first, number = np.unique(words, return_index=True, return_inverse=True)
    before = first[number]
    different = np.zeros(len(words), bool)
    for target in read:
        different |= target.values[before] != target.values
    odd = np.flatnonzero(different)
    if len(odd):
        lines = table.lines(kept[odd[:SHOWN]])
        shown = ", ".join(map(str, lines)) + (", ..." if len(odd) > SHOWN else "")
        told.warn(f"{counted(len(odd), 'texts')} are there before with another target: {table.unit} {shown}")


def _unknown_told(side: LabelledSide, told: Told, path: str = "") -> LabelledSide:
    """Held-out rows of a class that training does not have get the code -1, which no answer equals."""
    for name, classes in side.classes.items():
        if not classes:
            continue
        unknown = (side.targets[name] < 0) | (side.targets[name] >= len(classes))
        if unknown.any():
            side.targets[name] = np.where(unknown, -1, side.targets[name])
            lines = side.lines[unknown]
            shown = ", ".join(map(str, lines[:SHOWN])) + (", ..." if len(lines) > SHOWN else "")
            told.warn(
                f"the target {name!r} has a class that training does not have in {counted(len(lines), 'held-out rows')}"
                f"{' of ' + path if path else ''}, which count as wrong: {shown}",
                "/data/target_columns",
            )
    return side


def _other_file(
    section: LabelledTextData,
    cache: Path,
    train: LabelledSide,
    texts: Sequence[str],
    targets: Sequence[str],
    told: Told,
    record: dict[str, Any],
) -> LabelledSide:
    """The rows of ``validation_data``, read as those of training are."""
    path = section.validation_data
    assert path is not None
    rows = read_rows(path, "/data/validation_data", section.encoding, section.delimiter, cache)
    table = rows.cells
    named = section.model_copy(
        update={"text_columns": list(texts), "target_columns": list(targets), "split_column": None, "id_column": None}
    )
    found_columns(named, rows)
    dropped: dict[str, np.ndarray] = {}
    mask = np.ones(len(table), bool)
    empty = _without_text(rows, texts)
    if train.many:
        lists = _lists(named, rows, targets) or []
        dropped["missing_target"] = np.array([at for at, labels in enumerate(lists) if labels is None], np.int64)
        values = {name: np.array([name in (own or ()) for own in lists], np.int64) for name in train.targets}
        if beside := Counter(word for own in lists for word in own or () if word not in train.targets):
            shown = ", ".join(f"{word!r} ({count})" for word, count in list(beside.items())[:SHOWN])
            told.warn(
                f"labels of {path} that training does not have are not measured: {shown}", "/data/validation_data"
            )
    else:
        rows.table(*targets)
        as_table = _as_table(section, targets)
        read = [read_target(name, table, as_table) for name in targets]
        _, dropped = usable(read, len(table))
        values = {}
        for target in read:
            known = {word: at for at, word in enumerate(train.classes[target.name])}
            values[target.name] = in_classes(target, known) if known else target.values
    dropped["empty_text"] = empty
    for reason, some in dropped.items():
        mask[some] = False
        if len(some):
            lines = ", ".join(map(str, table.lines(some[:SHOWN])))
            told.warn(f"rows of {path} that are not measured, {reason} ({len(some)}): {lines}", "/data/validation_data")
    record["validation_rows_dropped"] = {reason: len(some) for reason, some in dropped.items() if len(some)}
    kept = np.flatnonzero(mask)
    if not len(kept):
        raise DataError(
            "no row of it can be measured on",
            where=f"/data/validation_data: {path}",
            hint="name a file with rows that have their texts and targets, or leave it out",
        )
    content = _content(rows, texts, kept, cache)
    words = text_keys(content)
    if again := int(np.isin(words, text_keys(train.texts)).sum()):
        told.warn(
            f"{again:,} of {counted(len(content), 'rows')} of {path} have texts of the training data: what is measured "
            "on them says nothing of new rows",
            "/data/validation_data",
        )
    side = LabelledSide(
        content,
        train.paired,
        {name: column[kept] for name, column in values.items()},
        train.classes,
        train.many,
        words,
        table.numbers[kept],
    )
    return _unknown_told(side, told, path)


def _labels_a_row(side: LabelledSide) -> float:
    return round(float(sum(values.sum() for values in side.targets.values())) / max(1, len(side)), 3)


def _counts(side: LabelledSide, name: str) -> dict[str, Any]:
    values, classes = side.targets[name], side.classes[name]
    if classes:
        return {word: int((values == at).sum()) for at, word in enumerate(classes)}
    return {"min": float(values.min()), "max": float(values.max()), "mean": float(values.mean())}


def _fingerprint(*sides: LabelledSide) -> str:
    """sha256 of what the rows of both sides say, in their order."""
    told = hashlib.sha256()
    for side in sides:
        told.update(repr([side.paired, [*side.targets], [*side.classes.values()]]).encode())
        for texts in side.texts:
            told.update(repr(texts).encode("utf-8", "surrogatepass"))
        for values in side.targets.values():
            told.update(np.ascontiguousarray(values).tobytes())
    return told.hexdigest()
