"""How much worse a model is without one of its inputs: the input is shuffled among rows, and the model asked again.

Source: Breiman (2001), model-agnostic as in Fisher, Rudin and Dominici (2019).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from runner.statistics.loss_intervals import resampled

#: ``losses(input, order)``: the loss of every row, float ``[n]``, where the input of that number is row ``order[i]``'s
#: in row ``i``, int ``[n]``; without an input and an order those of the rows as they are.
Losses = Callable[[int | None, np.ndarray | None], np.ndarray]


def some_rows(count: int, most: int, generator: np.random.Generator) -> np.ndarray:
    """Numbers of the rows that are asked about, int64, ascending: all of them, or ``most`` drawn at random."""
    return np.arange(count) if count <= most else np.sort(generator.choice(count, most, replace=False))


def shuffled_losses(
    losses: Losses,
    inputs: int,
    repeats: int,
    generator: np.random.Generator,
    stop: Callable[[], bool] | None = None,
    tell: Callable[[int], None] = lambda done: None,
) -> np.ndarray:
    """Losses float64 ``[n, 1 + asked]``: of the rows as they are, and the means of those with each input shuffled.

    When ``stop`` says so, the inputs that are left are not asked about. ``tell`` is given how many have been.
    """
    columns = [np.asarray(losses(None, None), np.float64)]
    count = len(columns[0])
    for number in range(inputs):
        tell(number)
        if stop is not None and stop():
            break
        total = np.zeros(count)
        for _ in range(repeats):
            total += losses(number, generator.permutation(count))
        columns.append(total / repeats)
    return np.stack(columns, axis=1)


def rises(
    columns: np.ndarray,
    groups: np.ndarray | None,
    seed: int,
    statistic: Callable[[np.ndarray], np.ndarray] = lambda means: means,
) -> list[tuple[float, float, float]]:
    """By how much the mean of each column of :func:`shuffled_losses` is above the first one's, with 95 % intervals.

    The intervals are over rows redrawn with the shuffles as they are, those of one group, int ``[n]``, together.
    ``statistic`` is what is told of a mean, such as its root.
    """
    means = resampled(columns, groups, seed).of(statistic)
    found = [means.difference(place, 0) for place in range(1, columns.shape[1])]
    return [(each.value, each.low, each.high) for each in found]


def by_size(names: Sequence[str], found: Sequence[tuple[float, float, float]]) -> list[int]:
    """Places of what was found, the greatest rise first, and by name where they are equal."""
    return sorted(range(len(found)), key=lambda at: (-found[at][0], names[at]))
