"""What a regressor has to beat: the mean and the median of the training rows, whatever the row."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from runner.tasks._supervised.measured_baselines import Baselines
from runner.tasks.regression import TASK
from runner.tasks.regression.measuring import judge, score


def mean(train: Mapping[str, np.ndarray], rows: int) -> dict[str, np.ndarray]:
    """The mean of each target in ``train``, float64 ``[n]`` and not empty, for every row: float64 ``[rows]``."""
    # Divided first, and halved below: a sum of large numbers overflows.
    return {target: np.full(rows, (values / len(values)).sum()) for target, values in train.items()}


def median(train: Mapping[str, np.ndarray], rows: int) -> dict[str, np.ndarray]:
    """The median of each target in ``train``, likewise: it errs least in absolute terms."""
    return {target: np.full(rows, 2 * np.median(values / 2)) for target, values in train.items()}


def baselines(
    train: Mapping[str, np.ndarray],
    actual: Mapping[str, np.ndarray],
    *,
    seed: int,
    groups: np.ndarray | None = None,
    more: Mapping[str, Mapping[str, np.ndarray]] | None = None,
) -> Baselines:
    """Mean and median, and ``more`` numbers by name, measured on the held-out rows."""
    rows = len(next(iter(actual.values())))
    said = {"mean": mean(train, rows), "median": median(train, rows)} | dict(more or {})
    measured = {name: score(judge(outputs, actual), groups, seed)[1:] for name, outputs in said.items()}
    return Baselines(TASK, measured, share=False)
