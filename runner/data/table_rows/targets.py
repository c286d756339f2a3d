"""The columns to be predicted: classes by their words, or numbers. What has none is named and left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from runner.data.table_rows.values import (
    LOOK_ALIKE,
    MISSING_WORDS,
    WRITTEN_FOR_NONE,
    alike,
    ascii_told,
    beyond,
    in_thousands,
    is_number,
    numbers_in,
    numbers_of,
    source_of,
    texts,
    words_of,
)
from runner.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

    from runner.data.table_rows.cells import Cells
    from runner.data.table_rows.section import TableData

#: More distinct numbers than this, and than half of the rows, are a quantity, no classes.
QUANTITY = 30
#: Classes that a message names.
SHOWN = 10


@dataclass
class Target:
    """One target column of all rows that were read."""

    name: str
    #: int64 codes of ``classes``, or float64 numbers: ``[n]``. What a row without one has is not to be used.
    values: np.ndarray
    classes: tuple[str, ...] = ()
    #: Why rows have no usable value: reason -> rows.
    without: dict[str, np.ndarray] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    #: Reason -> rows that are used otherwise than they stand in the file.
    changed: dict[str, np.ndarray] = field(default_factory=dict)


def read_target(name: str, cells: Cells, section: TableData) -> Target:
    """One target. Raises :class:`DataError` for a column that cannot be one, with the place."""
    return _classes(name, cells, section) if section.predicts == "classes" else _numbers(name, cells, section)


def _classes(name: str, cells: Cells, section: TableData) -> Target:
    array = cells.column(name)
    source = source_of(array)
    if source in ("other", "moment"):
        raise DataError(
            f"the target {name!r} has cells of type {array.type}, which are no classes",
            where=cells.place(0),
            hint="a class is a word, a whole number, or true or false",
        )
    words = words_of(texts(array, section.missing_values))
    distinct = len(words.words)
    rows = int((words.codes >= 0).sum())
    if distinct > QUANTITY and distinct > rows / 2:
        raise DataError(
            f"the target {name!r} has {distinct:,} different values in {rows:,} rows, which are no classes",
            where="/data/target_columns",
            hint=f"a number is predicted by the model type {section.number_kind}; is another column the target?",
        )
    target = Target(name, words.codes.astype(np.int64), tuple(words.words))
    target.without["missing_target"] = np.flatnonzero(words.codes < 0)
    if source == "text":
        _spaces(target, array)
        _odd_classes(target)
    for same in alike(words.words):
        target.warnings.append(f"the target {name!r} has {', '.join(map(ascii_told, same))}, which {LOOK_ALIKE}")
    if len(truths := [word for word in words.words if word.lower() in ("true", "false")]) == 2 and (
        digits := [word for word in words.words if word in ("0", "1")]
    ):
        target.warnings.append(
            f"the target {name!r} has {', '.join(map(repr, truths))} and {', '.join(map(repr, digits))}, which are "
            "different classes here: write them alike if they mean the same"
        )
    return target


def _spaces(target: Target, array: pa.ChunkedArray) -> None:
    """Say of classes whose cells have spaces around them that they are taken without."""
    import pyarrow as pa
    import pyarrow.compute as pc

    flat = array.cast(pa.large_string())
    trimmed = pc.utf8_trim_whitespace(flat)
    spaced = np.asarray(pc.and_(pc.not_equal(flat, trimmed), pc.not_equal(trimmed, "")).fill_null(False), bool)
    if spaced.any():
        target.changed["spaces_around_target"] = np.flatnonzero(spaced)
        counts: dict[str, int] = {}
        for code in target.values[spaced]:
            counts[target.classes[code]] = counts.get(target.classes[code], 0) + 1
        shown = ", ".join(f"{word!r} ({count})" for word, count in counts.items())
        target.warnings.append(
            f"the target {target.name!r} has spaces around these words, which were taken off: {shown}"
        )


def _odd_classes(target: Target) -> None:
    """Say of classes that other programs write for a cell without a value.

    Other words for it, such as none or unknown, are classes of many.
    """
    counts = np.bincount(target.values[target.values >= 0], minlength=len(target.classes))
    odd = [at for at, word in enumerate(target.classes) if word.lower() in WRITTEN_FOR_NONE]
    if odd:
        shown = ", ".join(f"{target.classes[at]!r} ({counts[at]:,})" for at in odd)
        target.warnings.append(
            f"the target {target.name!r} has {shown}, {'classes' if len(odd) > 1 else 'a class'} here: if a row of it "
            "has no target, name the word in data.missing_values"
        )


def _numbers(name: str, cells: Cells, section: TableData) -> Target:
    array = cells.column(name)
    source = source_of(array)
    if source == "text":
        column = texts(array, section.missing_values)
        values, bad = numbers_in(column, section.decimal)
        for row in np.flatnonzero(bad):
            word = array[int(row)].as_py()
            if word.strip().lower() not in MISSING_WORDS:
                hint = "mend the cell, or name its word in data.missing_values"
                if section.decimal == "." and "," in word:
                    hint = 'set data.decimal to "," if that is what stands before the fraction'
                    if in_thousands(word):
                        hint += "; take the commas out of the file if they part thousands"
                elif section.decimal == "," and is_number(word):
                    hint = "take data.decimal out, which says that a comma stands before the fraction"
                raise DataError(
                    f"the target {name!r} has {word!r}, which is not a number",
                    where=cells.place(int(row)),
                    hint=f"{hint}; words are predicted by {section.class_kind}",
                )
    elif source in ("number", "bool"):
        values = numbers_of(array)
    else:
        raise DataError(
            f"the target {name!r} has cells of type {array.type}, which are no numbers", where=cells.place(0)
        )
    target = Target(name, values)
    target.without["missing_target"] = np.flatnonzero(np.isnan(values))
    target.without["infinite_target"] = np.flatnonzero(beyond(values))
    return target


def usable(targets: Sequence[Target], rows: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The rows that have every target, bool ``[n]``, and the others by reason, each under its first."""
    kept = np.ones(rows, bool)
    reasons: dict[str, list[np.ndarray]] = {}
    for target in targets:
        for reason, without in target.without.items():
            fresh = without[kept[without]]
            if len(fresh):
                reasons.setdefault(reason, []).append(fresh)
                kept[fresh] = False
    return kept, {reason: np.sort(np.concatenate(parts)) for reason, parts in reasons.items()}


def only_used(target: Target, kept: np.ndarray) -> Target:
    """The target of the kept rows, its classes those that occur in them, numbered anew without gaps."""
    values = target.values[kept]
    if not target.classes:
        return Target(target.name, values)
    present = np.unique(values)
    renumbered = np.searchsorted(present, values)
    return Target(target.name, renumbered, tuple(target.classes[at] for at in present))


def need_rows_of_classes(target: Target, number_kind: str) -> None:
    """Raise :class:`DataError` where most rows are alone in their class: none of them could be learnt and measured."""
    counts = np.bincount(target.values, minlength=len(target.classes))
    alone = [word for word, count in zip(target.classes, counts, strict=True) if count == 1]
    if len(alone) <= len(target.values) / 2 and (counts > 1).sum() > 1:
        return
    raise DataError(
        f"the target {target.name!r} has one row of each of {named(alone)} among its {len(target.classes):,} "
        "classes, and a class of one row cannot be both learnt and measured",
        where="/data/target_columns",
        hint=f"it looks like an identifier, or like a quantity, which {number_kind} predicts; is another column "
        "the target? else give rare classes one name, or name the rows to measure on in data.validation_data",
    )


def need_different_numbers(targets: Mapping[str, np.ndarray]) -> None:
    """Raise :class:`DataError` for a target that is one number in every row of training: ``[n]`` each."""
    for name, values in targets.items():
        if len(values) and bool((values == values[0]).all()):
            raise DataError(
                f"the target {name!r} is {values[0]:g} in every row of training: there is nothing to learn",
                where="/data",
                hint="is another column the target?",
            )


def named(classes: Sequence[str]) -> str:
    """Classes as a message names them: a few by their words, many by their count as well."""
    shown = ", ".join(map(repr, classes[:SHOWN]))
    return shown if len(classes) <= SHOWN else f"{len(classes):,} classes ({shown}, ...)"


def in_classes(target: Target, classes: Mapping[str, int]) -> np.ndarray:
    """A target of another file in the classes of training: int64 codes ``[n]``, -1 for a word that is none."""
    table = np.array([classes.get(word, -1) for word in target.classes] + [-1], np.int64)
    return table[target.values]
