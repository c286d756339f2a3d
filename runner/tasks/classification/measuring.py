"""The measure of every classifier: the same numbers and tables, in the same way, on the same held-out rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from runner.contract import Table
from runner.statistics.paired_bootstrap import Resampled, resample
from runner.tasks._supervised.measured_baselines import Baselines
from runner.tasks._supervised.target_metrics import Metrics, over_targets
from runner.tasks.classification.point_metrics import UNSEEN, Judged, point_metrics


def measure_classification(
    targets: Mapping[str, tuple[str, ...]],
    probabilities: Mapping[str, np.ndarray],
    actual: Mapping[str, np.ndarray],
    *,
    seed: int,
    groups: np.ndarray | None = None,
    thresholds: Mapping[str, float] | None = None,
    baselines: Baselines | None = None,
) -> tuple[Metrics, list[Table]]:
    """Metrics with 95 % bootstrap intervals, and tables, of probabilities for held-out rows.

    ``targets`` has each target's classes in the order of the columns, ``probabilities`` float64 ``[n, classes]`` and
    ``actual`` int64 ``[n]``: the number of the true class, or -1 for one that training never saw, which counts as
    wrong. ``thresholds`` are those of targets of two classes. ``groups``, any ``[n]``, are rows that belong together:
    intervals are drawn over them, else over rows. ``baselines`` were measured on the same rows, with the same seed.
    Without a row the metrics are None and there is no table. Raises :class:`~runner.errors.RunFailed` for a probability
    that is not a finite number.
    """
    from runner.tasks.classification.class_tables import tables

    judged = judge({target: probabilities[target] for target in targets}, actual, thresholds)
    each, metrics, redrawn = score(judged, groups, seed)
    beside = [] if baselines is None else baselines.tables(redrawn)
    return metrics, [*tables(targets, judged, each, metrics), *beside]


def judge(
    probabilities: Mapping[str, np.ndarray], actual: Mapping[str, np.ndarray], thresholds: Mapping[str, float] | None
) -> list[Judged]:
    """Every target with its true classes."""
    chosen = thresholds or {}
    return [
        Judged(target, np.asarray(said, np.float64), np.asarray(actual[target], np.int64), chosen.get(target))
        for target, said in probabilities.items()
    ]


def score(
    judged: list[Judged], groups: np.ndarray | None, seed: int
) -> tuple[dict[str, Metrics], Metrics, Resampled | None]:
    """Metrics of each target and of all, and the redrawn means that a comparison pairs; None without a row.

    Their columns are the accuracy and the log loss of all targets together.
    """
    each = {one.target: point_metrics(one) for one in judged}
    rows = len(judged[0].actual)
    redrawn = None
    if rows:
        right = np.stack([one.right for one in judged], axis=1).astype(np.float64)
        losses = np.stack([one.losses for one in judged], axis=1)
        columns = np.column_stack([right.mean(axis=1), losses.mean(axis=1), right])
        redrawn = resample(columns, np.arange(rows) if groups is None else groups, seed)
    for at, one in enumerate(judged):
        each[one.target] = _with_interval(each[one.target], redrawn, 2 + at)
        each[one.target]["n_unseen_class"] = int((one.actual == UNSEEN).sum())
    metrics = over_targets(each)
    if len(judged) > 1:
        metrics = _with_interval(metrics, redrawn, 0)
        exact = np.all([one.right for one in judged], axis=0)
        metrics["subset_accuracy"] = float(exact.mean()) if rows else None
        metrics["n_unseen_class"] = int(np.any([one.actual == UNSEEN for one in judged], axis=0).sum())
    return each, metrics | {"n_validation": rows}, redrawn


def _with_interval(metrics: Metrics, redrawn: Resampled | None, column: int) -> Metrics:
    """The metrics with the accuracy's interval behind it."""
    found: dict[str, Any] = {"accuracy_low": None, "accuracy_high": None}
    if redrawn is not None:
        found = redrawn.share(column).ends("accuracy")
    return {"accuracy": metrics["accuracy"], **found} | {
        name: value for name, value in metrics.items() if name not in found
    }
