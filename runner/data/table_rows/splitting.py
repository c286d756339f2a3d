"""Which rows of a table are drawn, trained on and held out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from runner.data import holdout
from runner.data.table_rows.column_kinds import look
from runner.data.table_rows.targets import named
from runner.data.table_rows.values import texts, words_of
from runner.errors import DataError

if TYPE_CHECKING:
    from runner.data.table_rows.cells import Cells
    from runner.data.table_rows.section import TableData
    from runner.data.table_rows.targets import Target

Warn = Callable[..., None]
#: With fewer held-out groups than this, an interval over groups says little.
FEW_GROUPS = 10


@dataclass
class Divided:
    """Indices among the kept rows: int64 each."""

    train: np.ndarray
    validation: np.ndarray
    #: Rows that a split column keeps for a test, and rows without a time.
    neither: np.ndarray
    without_time: np.ndarray
    #: Of each kept row its group or its time, where the section names a column of them.
    groups: np.ndarray | None = None
    times: np.ndarray | None = None


_NONE = np.zeros(0, np.int64)


def draw(section: TableData, keys: np.ndarray, targets: Sequence[Target]) -> np.ndarray:
    """Indices of ``max_samples`` rows: by their content, and of classes each its share, at least one row."""
    assert section.max_samples is not None
    taken = holdout.order(keys, section.seed)
    if section.predicts == "numbers":
        return np.sort(taken[: section.max_samples])
    codes = targets[0].values[taken]
    counts = np.bincount(codes)
    share = counts * section.max_samples / counts.sum()
    quota = np.maximum(np.floor(share), counts > 0).astype(np.int64)
    for code in np.argsort(-(share - np.floor(share)), kind="stable")[: max(0, section.max_samples - quota.sum())]:
        quota[code] += 1
    while quota.sum() > section.max_samples and quota.max() > 1:
        quota[np.argmax(quota)] -= 1
    quota = np.minimum(quota, counts)
    return np.sort(np.concatenate([taken[codes == code][: quota[code]] for code in range(len(counts))]))


def divide(
    section: TableData,
    table: Cells,
    kept: np.ndarray,
    keys: np.ndarray,
    targets: Sequence[Target],
    dates: Sequence[str],
    warn: Warn,
    lost: str = "",
) -> Divided:
    """The split that the section asks for. ``lost`` says which rows were dropped before.

    Raises :class:`DataError` where one side would be empty.
    """
    everything = np.arange(len(kept))
    groups = _groups(section, table, kept)
    if section.validation_data is not None:
        return Divided(everything, _NONE, _NONE, _NONE, groups)
    if section.split_column is not None:
        return _by_column(section.split_column, table, kept, lost)
    if section.time_column is not None:
        return _by_time(section, table, kept, section.time_column, lost)
    if section.validation_split == 0:
        return Divided(everything, _NONE, _NONE, _NONE, groups)
    try:
        if groups is not None:
            names = np.array([holdout.text_key(str(group)) for group in range(groups.max() + 2)], np.uint64)
            mask = holdout.by_share(names[groups], section.validation_split, section.seed).mask
            held = len(np.unique(groups[mask]))
            if held < FEW_GROUPS:
                warn(
                    f"the held-out rows are of {held} group{'s' * (held > 1)} of {section.group_column!r}: intervals, "
                    "drawn over whole groups, are far too narrow over so few",
                    "/data/group_column",
                )
        else:
            if dates:
                warn(
                    f"rows are held out at random although column {dates[0]!r} is a date: where rows follow each other "
                    "in time, data.time_column holds out the latest",
                    "/data/time_column",
                )
            strata = _strata(section, targets, warn)
            if strata is not None and len(targets) == 1 and len(equal := holdout.all_equal(keys, targets[0].values)):
                classes = named([targets[0].classes[code] for code in equal])
                warn(
                    f"all rows of {classes} of the target {targets[0].name!r} are equal: they stay in training and are "
                    "not measured",
                    "/data/stratify",
                )
            mask = holdout.by_share(keys, section.validation_split, section.seed, strata).mask
    except ValueError:
        raise DataError(
            ("1 row" if len(kept) == 1 else f"{len(kept):,} rows")
            + f" cannot be divided into rows of training and rows held out{lost}",
            where="/data/validation_split",
            hint="equal rows, and rows of one group, stay on one side; set validation_split to 0, or use more data",
        ) from None
    return Divided(np.flatnonzero(~mask), np.flatnonzero(mask), _NONE, _NONE, groups)


def _strata(section: TableData, targets: Sequence[Target], warn: Warn) -> np.ndarray | None:
    """The rows' classes, of which each side gets its share: of several targets together, if none is alone then."""
    if section.predicts == "numbers" or not getattr(section, "stratify", False):
        return None
    combined = np.zeros(len(targets[0].values), np.int64)
    for target in targets:
        combined = combined * len(target.classes) + target.values
    _, combined = np.unique(combined, return_inverse=True)
    if len(targets) > 1 and np.bincount(combined).min() < 2:
        warn(
            f"some combination of the targets has one row, so rows are held out by {targets[0].name!r} alone",
            "/data/stratify",
        )
        combined = targets[0].values
    if combined is targets[0].values or len(targets) == 1:
        codes = np.flatnonzero(np.bincount(targets[0].values) == 1)
        if len(codes):
            each, stay = (
                ("", "which stays in training and is")
                if len(codes) == 1
                else ("each ", "which stay in training and are")
            )
            warn(
                f"the target {targets[0].name!r} has only one row {each}of "
                f"{named([targets[0].classes[code] for code in codes])}, {stay} not measured",
                "/data/stratify",
            )
    if (np.bincount(combined)[combined] == 1).mean() > 0.5:
        warn("most rows are alone in their class: they are held out without regard to classes", "/data/stratify")
        return None
    return combined


def _groups(section: TableData, table: Cells, kept: np.ndarray) -> np.ndarray | None:
    """Of each kept row the number of its group, which hangs on its name alone; rows without one are one group."""
    if section.group_column is None:
        return None
    words = words_of(texts(table.column(section.group_column), section.missing_values))
    return words.codes[kept].astype(np.int64) + 1


def _by_column(name: str, table: Cells, kept: np.ndarray, lost: str) -> Divided:
    words = words_of(texts(table.column(name)))
    train, validation, unknown = holdout.by_words(words.words)
    if unknown:
        raise DataError(
            f"column {name!r} has {next(iter(unknown))!r}, which is no side of a split",
            where="/data/split_column",
            hint="it says train, validation or test of each row",
        )
    codes = words.codes[kept]
    if (codes < 0).any():
        raise DataError(
            f"column {name!r} has an empty cell", where=table.place(int(kept[np.argmax(codes < 0)])),
            hint="it says train, validation or test of each row",
        )  # fmt: skip
    sides = [np.flatnonzero(train[codes]), np.flatnonzero(validation[codes])]
    for side, what in zip(sides, ("train", "validation"), strict=True):
        if not len(side):
            raise DataError(
                f"column {name!r} says {what} of no row{lost}", where="/data/split_column",
                hint=holdout.other_side(len(sides[0]), len(sides[1]), len(codes) - len(sides[0]) - len(sides[1])),
            )  # fmt: skip
    return Divided(sides[0], sides[1], np.flatnonzero(~(train | validation)[codes]), _NONE)


def _by_time(section: TableData, table: Cells, kept: np.ndarray, name: str, lost: str) -> Divided:
    found = look(name, table.column(name), section, table.place, untyped=table.untyped)
    if isinstance(found, str) or found[1].numbers is None:
        raise DataError(
            f"column {name!r} is neither dates nor numbers", where="/data/time_column",
            hint="say how its dates are written: data.date_format",
        )  # fmt: skip
    times = found[1].numbers[kept]
    with_time = np.flatnonzero(~np.isnan(times))
    try:
        mask = holdout.by_time(times[with_time], section.validation_split).mask
    except ValueError:
        raise DataError(f"column {name!r} has one value only{lost}", where="/data/time_column") from None
    return Divided(with_time[~mask], with_time[mask], _NONE, np.flatnonzero(np.isnan(times)), times=times)
