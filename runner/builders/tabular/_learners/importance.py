"""How much worse a model is without one feature: permutation importance on held-out rows, with intervals.

Source: Breiman (2001), model-agnostic as in Fisher, Rudin and Dominici (2019).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from runner.builders.tabular._learners.losses import metric_name, row_losses
from runner.builders.tabular._learners.resampled_losses import interval, resampled
from runner.contract import Table

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
    if len(inputs) > MOST_ROWS:
        some = np.sort(generator.choice(len(inputs), MOST_ROWS, replace=False))
        inputs, targets = inputs[some], targets[some]
        groups = None if groups is None else groups[some]
    answers = predict(inputs)
    classification = answers.ndim == 2
    columns = [row_losses(targets, answers)]
    asked: list[str] = []
    for name, own in features.items():
        if stop is not None and stop():
            break
        total = np.zeros(len(inputs))
        for _ in range(repeats):
            shuffled = inputs.copy()
            shuffled[:, own] = inputs[np.ix_(generator.permutation(len(inputs)), np.asarray(own, np.int64))]
            total += row_losses(targets, predict(shuffled))
        columns.append(total / repeats)
        asked.append(name)
    drawn = resampled(np.stack(columns, axis=1), groups, seed)
    mean, redrawn = drawn.mean, drawn.redrawn
    if not classification:
        mean, redrawn = np.sqrt(mean), np.sqrt(redrawn)
    rows = [
        (name, float(mean[place] - mean[0]), *interval(redrawn[:, place] - redrawn[:, 0]))
        for place, name in enumerate(asked, start=1)
    ]
    rows.sort(key=lambda row: (-row[1], row[0]))
    metric = metric_name(classification)
    return Table(
        name="importance",
        title="Importance of the features",
        columns=("feature", "importance", "low", "high"),
        rows=rows,
        plot="bars",
        note=f"The rise of the {metric.replace('_', ' ')} on held-out rows when a feature is shuffled.",
        decimals={"importance": 4, "low": 4, "high": 4},
    )
