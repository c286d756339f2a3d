"""What a classifier has to beat: the frequencies of the classes in training, whatever the row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from runner.tasks._supervised.measured_baselines import Baselines
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
    more: Mapping[str, Mapping[str, np.ndarray]] | None = None,
) -> Baselines:
    """The class frequencies, and ``more`` probabilities by name, measured on the held-out rows."""
    rows = len(next(iter(actual.values())))
    said = {"class frequencies": class_frequencies(targets, train, rows)} | dict(more or {})
    measured = {name: score(judge(outputs, actual, None), groups, seed)[1:] for name, outputs in said.items()}
    return Baselines(TASK, measured, share=True)
