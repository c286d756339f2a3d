"""Regressors side by side on the same held-out rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from runner.contract import LoadedData, Table
from runner.tasks._supervised import bench as _supervised
from runner.tasks._supervised.bench import Said
from runner.tasks._supervised.paired_comparison import models_table, ranked, targets_by_model
from runner.tasks.compared import Compared
from runner.tasks.regression import TASK
from runner.tasks.regression.measuring import judge, score

RMSE = next(measure for measure in TASK.measures if measure.metric == "rmse")


def bench(models: list[Compared], data: LoadedData, seed: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Regressors on the rows that the data holds out. See :mod:`runner.tasks.compared`."""
    part = data.validation

    def measured(said: Sequence[Said]) -> list[dict[str, Any]]:
        return compare([(one.entry.label, one.outputs) for one in said], part.targets, part.groups, seed)

    return _supervised.bench(models, part, TASK.name, say, measured, comparison_tables)


def compare(
    models: Sequence[tuple[str, Mapping[str, np.ndarray]]],
    actual: Mapping[str, np.ndarray],
    groups: np.ndarray | None,
    seed: int,
) -> list[dict[str, Any]]:
    """One row a model, the greatest R2 first; where it is undefined, the smallest RMSE.

    A model's outputs and ``actual`` are numbers by target, float64 ``[n]``, and ``groups`` rows that belong together. A
    row has ``label``, the metrics with intervals, and ``best``, ``versus_best`` and ``tied_with_best``, the paired
    difference of R2.
    """
    rows, samples = [], []
    for label, outputs in models:
        _, metrics, redrawn = score(judge(outputs, actual), groups, seed)
        rows.append({"label": label} | metrics)
        samples.append(redrawn)
    return ranked(rows, samples, (TASK.headline, RMSE))


def comparison_tables(rows: Sequence[dict[str, Any]]) -> list[Table]:
    """The models side by side; of several targets also target by target."""
    return [models_table(rows, TASK.measures), *targets_by_model(rows, TASK.headline)]
