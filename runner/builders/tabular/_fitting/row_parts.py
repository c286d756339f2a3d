"""Parts of the training rows: those that decide when to stop, and the folds. By content, group and time."""

from __future__ import annotations

import numpy as np

from runner.data import holdout
from runner.data.table_rows.table_side import TableSplit


def stopping_rows(split: TableSplit, share: float, seed: int, strata: np.ndarray | None) -> np.ndarray:
    """bool ``[n]``: a share of the rows that decides when to stop. None of them where rows cannot be divided."""
    if share == 0:
        return np.zeros(len(split), bool)
    try:
        if split.times is not None:
            return holdout.by_time(split.times, share).mask
        if split.groups is not None:
            return holdout.by_share(split.groups.astype(np.uint64), share, seed + 1).mask
        return holdout.by_share(split.keys, share, seed + 1, strata).mask
    except ValueError:
        return np.zeros(len(split), bool)


def folds(split: TableSplit, count: int, seed: int, strata: np.ndarray | None) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs of rows to learn from and rows left out, int64 each. Rows of a group, and equal rows, stay together.

    Of rows in time, each fold learns from what came before what it leaves out, so that the first part is never left
    out; else each row is left out once.
    """
    if split.times is not None:
        moments, at = np.unique(split.times, return_inverse=True)
        part = np.minimum(at * (count + 1) // len(moments), count)
        pairs = [(np.flatnonzero(part < number), np.flatnonzero(part == number)) for number in range(1, count + 1)]
        return [(learnt, left) for learnt, left in pairs if len(left)]
    keys = split.keys if split.groups is None else split.groups.astype(np.uint64)
    part = np.zeros(len(split), np.int64)
    for stratum in [None] if strata is None or split.groups is not None else np.unique(strata):
        rows = np.arange(len(split)) if stratum is None else np.flatnonzero(strata == stratum)
        distinct, key = np.unique(keys[rows], return_inverse=True)
        place = np.empty(len(distinct), np.int64)
        place[holdout.order(distinct, seed + 2)] = np.arange(len(distinct))
        # Small strata do not all begin with the first fold.
        part[rows] = (place[key] + (0 if stratum is None else int(stratum))) % count
    pairs = [(np.flatnonzero(part != number), np.flatnonzero(part == number)) for number in range(count)]
    return [(learnt, left) for learnt, left in pairs if len(learnt) and len(left)]
