"""Classifiers side by side on the same held-out rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from runner.contract import LoadedData, Table
from runner.tasks._supervised import bench as _supervised
from runner.tasks._supervised.bench import Said
from runner.tasks._supervised.paired_comparison import models_table, ranked, targets_by_model
from runner.tasks.classification import TASK
from runner.tasks.classification.measuring import judge, score
from runner.tasks.compared import Compared

LOG_LOSS = next(measure for measure in TASK.measures if measure.metric == "log_loss")


def bench(models: list[Compared], data: LoadedData, seed: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Classifiers on the rows that the data holds out. See :mod:`runner.tasks.compared`."""
    part = data.validation

    def measured(said: Sequence[Said]) -> list[dict[str, Any]]:
        outputs = [(one.entry.label, in_shared_classes(one.outputs, one.targets, part.classes)) for one in said]
        return compare(outputs, part.targets, part.groups, seed, [one.thresholds for one in said])

    return _supervised.bench(models, part, TASK.name, say, measured, comparison_tables)


def compare(
    models: Sequence[tuple[str, Mapping[str, np.ndarray]]],
    actual: Mapping[str, np.ndarray],
    groups: np.ndarray | None,
    seed: int,
    thresholds: Sequence[Mapping[str, float] | None] | None = None,
) -> list[dict[str, Any]]:
    """One row a model, the most accurate first, equally accurate ones by their log loss.

    A model's outputs are probabilities by target, float64 ``[n, classes]``, all in the same order of classes
    (:func:`in_shared_classes`), ``actual`` the number of the true class in it, int64 ``[n]``, -1 for one that no model
    knows. ``thresholds`` has those of each model, ``groups`` rows that belong together. A row has ``label``, the
    metrics with intervals of accuracy and log loss, and ``best``, ``versus_best`` and ``tied_with_best``, the paired
    difference of accuracies.
    """
    chosen = thresholds if thresholds is not None else [None] * len(models)
    rows, samples = [], []
    for (label, outputs), own in zip(models, chosen, strict=True):
        _, metrics, redrawn = score(judge(outputs, actual, own), groups, seed)
        row: dict[str, Any] = {"label": label} | metrics
        if redrawn is not None:
            loss = redrawn.interval(1)
            row |= {"log_loss_low": loss.low, "log_loss_high": loss.high}
        rows.append(row)
        samples.append(redrawn)
    return ranked(rows, samples, (TASK.headline, LOG_LOSS))


def comparison_tables(rows: Sequence[dict[str, Any]]) -> list[Table]:
    """The models side by side; of several targets also target by target."""
    return [models_table(rows, TASK.measures), *targets_by_model(rows, TASK.headline)]


def in_shared_classes(
    probabilities: Mapping[str, np.ndarray], own: Mapping[str, Sequence[str]], shared: Mapping[str, Sequence[str]]
) -> dict[str, np.ndarray]:
    """A model's probabilities, a column for each class that the models share: float64 ``[n, shared classes]``.

    ``own`` has the model's classes by target. A class that it does not know has the probability 0; one that the shared
    ones lack is left out.
    """
    found = {}
    for target, classes in shared.items():
        place = {name: at for at, name in enumerate(own[target])}
        said = np.column_stack([probabilities[target], np.zeros(len(probabilities[target]))])
        found[target] = said[:, [place.get(name, -1) for name in classes]]
    return found
