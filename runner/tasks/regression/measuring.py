"""The measure of every regressor: the same numbers and tables, in the same way, on the same held-out rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from runner.contract import Table
from runner.statistics.paired_bootstrap import Resampled, known, resample
from runner.tasks._supervised.measured_baselines import Baselines
from runner.tasks._supervised.target_metrics import Metrics, over_targets
from runner.tasks.regression.point_metrics import Judged, correlations

#: The measures that are redrawn, in the order of :meth:`Judged.statistics`.
REDRAWN = ("r2", "rmse", "mae")


def measure_regression(
    predicted: Mapping[str, np.ndarray],
    actual: Mapping[str, np.ndarray],
    *,
    seed: int,
    groups: np.ndarray | None = None,
    ids: Sequence[str | int] | None = None,
    baselines: Baselines | None = None,
) -> tuple[Metrics, list[Table]]:
    """Metrics with 95 % bootstrap intervals, and tables, of predicted numbers for held-out rows.

    ``predicted`` and ``actual`` have float64 ``[n]`` for each target, in the target's own unit. R2 is None where all
    true numbers are one, the correlations also where all predictions are. Of several targets in different units the
    mean RMSE and MAE mean little, and the mean R2 is what can be compared. ``groups``, any ``[n]``, are rows that
    belong together: intervals are drawn over them, else over rows. ``ids`` name the rows with the greatest errors.
    ``baselines`` were measured on the same rows, with the same seed. Without a row the metrics are None and there is no
    table. Raises :class:`~runner.errors.RunFailed` for a prediction that is not a finite number.
    """
    from runner.tasks.regression.residual_tables import tables

    judged = judge(predicted, actual)
    each, metrics, redrawn = score(judged, groups, seed)
    beside = [] if baselines is None else baselines.tables(redrawn)
    return metrics, [*tables(judged, each, metrics, seed, ids), *beside]


def point_figures(predicted: Mapping[str, np.ndarray], actual: Mapping[str, np.ndarray]) -> Metrics:
    """The metrics alone, without intervals or tables: what is told again and again while a model learns.

    Raises :class:`~runner.errors.RunFailed` as :func:`measure_regression` does.
    """
    each: dict[str, Metrics] = {}
    for one in judge(predicted, actual):
        found = one.statistics(one.columns.mean(axis=0)) if len(one.actual) else np.full(len(REDRAWN), np.nan)
        figures: Metrics = {name: known(value) for name, value in zip(REDRAWN, found.tolist(), strict=True)}
        each[one.target] = figures | correlations(one)
    return over_targets(each)


def judge(predicted: Mapping[str, np.ndarray], actual: Mapping[str, np.ndarray]) -> list[Judged]:
    """Every target with its true numbers."""
    return [
        Judged(target, np.asarray(said, np.float64), np.asarray(actual[target], np.float64))
        for target, said in predicted.items()
    ]


def score(
    judged: list[Judged], groups: np.ndarray | None, seed: int
) -> tuple[dict[str, Metrics], Metrics, Resampled | None]:
    """Metrics of each target and of all, and the redrawn statistics that a comparison pairs; None without a row.

    Their columns are the R2, the RMSE and the MAE of all targets together, each the mean of the targets'.
    """
    rows = len(judged[0].actual)
    names = [name + end for name in REDRAWN for end in ("", "_low", "_high")]
    nothing: Metrics = dict.fromkeys([*names, "pearson", "spearman"])
    each: dict[str, Metrics] = {one.target: dict(nothing) for one in judged}
    redrawn = None
    if rows:
        order = np.arange(rows) if groups is None else groups
        parts = [resample(one.columns, order, seed).of(one.statistics) for one in judged]
        each = {one.target: _metrics(part) | correlations(one) for one, part in zip(judged, parts, strict=True)}
        means, samples = _mean([part.mean for part in parts]), _mean([part.redrawn for part in parts])
        redrawn = Resampled(means, samples, parts[0].groups)
    metrics = over_targets(each)
    if len(judged) > 1 and redrawn is not None:
        metrics |= _metrics(redrawn)
    return each, metrics | {"n_validation": rows}, redrawn


def _metrics(redrawn: Resampled) -> Metrics:
    """Each statistic with its interval behind it."""
    metrics: Metrics = {}
    for at, name in enumerate(REDRAWN):
        metrics[name] = known(redrawn.mean[at])
        metrics |= redrawn.interval(at).ends(name)
    return metrics


def _mean(parts: list[np.ndarray]) -> np.ndarray:
    """The mean over the targets of what is defined; NaN where none is."""
    stacked = np.stack(parts)
    defined = ~np.isnan(stacked)
    with np.errstate(invalid="ignore", over="ignore"):
        return np.where(defined, stacked, 0.0).sum(axis=0) / np.where(defined.any(axis=0), defined.sum(axis=0), np.nan)
