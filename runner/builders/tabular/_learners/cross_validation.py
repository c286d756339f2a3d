"""One learner over all folds: predictions for rows that it did not learn from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from runner.builders.tabular._learners.learner import make_learner
from runner.builders.tabular._learners.parameters import TabularTask

Fold = tuple[np.ndarray, np.ndarray]
#: Of a fold's training rows, the share that early stopping looks at. They are not learned, and are not those that
#: the fold is scored on, so that no model is judged by rows that chose its length.
STOPPING_SHARE = 0.15


@dataclass(frozen=True)
class FoldedTable:
    """The rows of a search and how they are folded: ``folds`` are (training rows, scored rows), int64 each."""

    inputs: np.ndarray
    targets: np.ndarray
    task: TabularTask
    n_classes: int | None
    categorical: tuple[int, ...]
    weights: np.ndarray | None
    folds: Sequence[Fold]

    @property
    def scored(self) -> np.ndarray:
        """The rows that some fold scores, in ascending order."""
        return np.unique(np.concatenate([rows for _, rows in self.folds]))

    def blank(self) -> np.ndarray:
        """A place for out-of-fold predictions, NaN: ``[n, classes]`` or ``[n]``."""
        shape = (len(self.inputs),) if self.n_classes is None else (len(self.inputs), self.n_classes)
        return np.full(shape, np.nan)


def out_of_fold(
    table: FoldedTable,
    name: str,
    params: Mapping[str, Any],
    *,
    seed: int,
    threads: int,
    device: str = "cpu",
    stop: Callable[[], bool] | None = None,
) -> tuple[np.ndarray, dict[str, Any]]:
    """Predictions, NaN where no fold scores a row, and the parameters with the median of the lengths that were kept.

    Raises :class:`~runner.errors.Stopped` as soon as ``stop`` says so.
    """
    predictions, lengths, field = table.blank(), [], None
    for number, (learned, scored) in enumerate(table.folds):
        learner = make_learner(name, params, table.task, table.n_classes, seed, device, threads)
        field, held = learner.LENGTH, None
        if field is not None:
            learned, stopping = _part(learned, table, np.random.default_rng([seed, number, 0x5E]))
            held = (table.inputs[stopping], table.targets[stopping]) if len(stopping) else None
        learner.fit(
            table.inputs[learned],
            table.targets[learned],
            weights=None if table.weights is None else table.weights[learned],
            categorical=table.categorical,
            validation=held,
            stop=stop,
        )
        predictions[scored] = learner.predict(table.inputs[scored])
        lengths.append(learner.length)
    settled = dict(params)
    if field is not None:
        settled[field] = max(1, round(float(np.median([length for length in lengths if length is not None]))))
    return predictions, settled


def _part(rows: np.ndarray, table: FoldedTable, generator: np.random.Generator) -> Fold:
    """Rows to learn, and rows for early stopping: of each class its share, so that no class is left out of either."""
    shuffled = rows[generator.permutation(len(rows))]
    if table.n_classes is None:
        count = int(STOPPING_SHARE * len(rows))
        return shuffled[count:], shuffled[:count]
    classes = table.targets[shuffled]
    order = np.argsort(classes, kind="stable")
    sorted_classes = classes[order]
    first = np.searchsorted(sorted_classes, sorted_classes)
    sizes = np.bincount(sorted_classes)[sorted_classes]
    stopping = np.arange(len(order)) - first < np.floor(STOPPING_SHARE * sizes)
    return shuffled[order[~stopping]], shuffled[order[stopping]]
