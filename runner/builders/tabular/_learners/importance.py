"""How much worse a model is without one feature: permutation importance on held-out rows, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from runner.builders.tabular._learners.losses import metric_name, row_losses
from runner.contract import Table
from runner.statistics.permutation_importance import by_size, rises, shuffled_losses, some_rows

#: Rows that are asked about, drawn at random where there are more.
MOST_ROWS = 5000


def permutation_importance(
    predict: Callable[[np.ndarray], np.ndarray],
    inputs: np.ndarray,
    targets: np.ndarray,
    features: Mapping[str, Sequence[int]],
    *,
    repeats: int = 5,
    seed: int = 0,
    groups: np.ndarray | None = None,
    stop: Callable[[], bool] | None = None,
) -> Table:
    """By how much the log loss or the root mean squared error rises when a feature's cells are shuffled among rows.

    ``predict`` gives probabilities ``[n, classes]`` or numbers ``[n]``. ``features`` names the columns of each
    feature: they are shuffled together. An importance is over ``repeats`` shuffles, its interval over held-out rows
    redrawn with the shuffles as they are. Rows are sorted, the greatest first. When ``stop`` says so, the features
    that are left are not asked about.
    """
    generator = np.random.default_rng([seed, 0x1A])
    some = some_rows(len(inputs), MOST_ROWS, generator)
    inputs, targets = inputs[some], targets[some]
    groups = None if groups is None else groups[some]
    classification = predict(inputs[:1]).ndim == 2
    names = list(features)

    def losses(number: int | None, order: np.ndarray | None) -> np.ndarray:
        if number is None or order is None:
            return row_losses(targets, predict(inputs))
        own = np.asarray(features[names[number]], np.int64)
        shuffled = inputs.copy()
        shuffled[:, own] = inputs[np.ix_(order, own)]
        return row_losses(targets, predict(shuffled))

    columns = shuffled_losses(losses, len(names), repeats, generator, stop)
    found = rises(columns, groups, seed, (lambda means: means) if classification else np.sqrt)
    metric = metric_name(classification)
    return Table(
        name="importance",
        title="Importance of the features",
        columns=("feature", "importance", "low", "high"),
        rows=[(names[at], *found[at]) for at in by_size(names, found)],
        plot="bars",
        note=f"The rise of the {metric.replace('_', ' ')} on held-out rows when a feature is shuffled.",
        decimals={"importance": 4, "low": 4, "high": 4},
    )
