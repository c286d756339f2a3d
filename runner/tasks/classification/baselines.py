"""What a classifier has to beat: the frequencies of the classes in training, whatever the row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from runner.contract import Table
from runner.tasks._supervised.baseline_table import baseline_table
from runner.tasks._supervised.target_metrics import Metrics
from runner.tasks.classification import TASK
from runner.tasks.classification.measuring import judge, score


def class_frequencies(
    targets: Mapping[str, Sequence[str]], train: Mapping[str, np.ndarray], rows: int
) -> dict[str, np.ndarray]:
    """The share of each class in ``train``, int64 ``[n]`` by target, for every row: float64 ``[rows, classes]``.

    Negative numbers, of no class, are left out. Without any row to count, all classes are equally probable.
    """
    found = {}
    for target, classes in targets.items():
        known = train[target][train[target] >= 0]
        counts = np.bincount(known, minlength=len(classes)).astype(np.float64)
        shares = counts / counts.sum() if len(known) else np.full(len(classes), 1 / len(classes))
        found[target] = np.tile(shares, (rows, 1))
    return found


def baselines(
    targets: Mapping[str, Sequence[str]],
    train: Mapping[str, np.ndarray],
    actual: Mapping[str, np.ndarray],
    *,
    seed: int,
    groups: np.ndarray | None = None,
    more: Mapping[str, Metrics] | None = None,
) -> Table:
    """The table ``baselines``: the class frequencies measured on the held-out rows, and ``more`` measured ones."""
    rows = len(next(iter(actual.values())))
    _, metrics, _ = score(judge(class_frequencies(targets, train, rows), actual, None), groups, seed)
    return baseline_table({"class frequencies": metrics} | dict(more or {}), TASK.measures)
