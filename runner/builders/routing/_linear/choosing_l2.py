"""How strongly a linear map is held back, and what it reads: by cross-validation over prompts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from runner.builders.routing._linear.linear_fit import Games, LinearMap, fit_linear
from runner.tasks.ranking.calibration import probability

#: Strengths that are tried, from strong to weak.
GRID = tuple(float(10.0 ** (-power / 2)) for power in range(2, 11))
FOLDS = 5
#: Prompts and counted comparisons that the choice is made on: with more it is scaled, as a prior of the same width is.
MOST_PROMPTS, MOST_GAMES = 2000, 20_000
#: A strength so much weaker than the best one is not tried any more.
PATIENCE = 2
#: How far a fold is fitted: as far as tells strengths apart.
TOLERANCE = 1e-6
#: Beside a seed: the folds.
FOLDS_SALT = 0x6C


@dataclass(frozen=True)
class Choice:
    """What foretold best: the inputs by name, and the strength for all the data."""

    inputs: str
    l2: float


def choose(
    inputs: Mapping[str, np.ndarray],
    games: Games,
    grid: Sequence[float],
    seed: int,
    pause: Callable[[], None],
) -> Choice:
    """The inputs ``[P, d]`` and the strength of the least held-out log loss, at the temperature that fits best.

    ``grid`` is of strengths for all the data, from strong to weak.
    """
    whole = games.total
    some = _sample(games, seed)
    fold = _folds(some, seed)
    # A penalty beside a mean loss: of fewer comparisons it has to be larger to be the same prior.
    scale = whole / max(some.total, 1.0)
    found: dict[tuple[str, float], float] = {}
    for name, rows in inputs.items():
        starts: list[LinearMap | None] = [None] * FOLDS
        best, since = np.inf, 0
        for l2 in grid:
            loss = _loss(rows, some, fold, l2 * scale, starts, pause)
            found[name, l2] = loss
            best, since = (loss, 0) if loss < best else (best, since + 1)
            if since >= PATIENCE:
                break
    name, l2 = min(found, key=lambda key: found[key])
    return Choice(name, l2)


def _loss(
    inputs: np.ndarray,
    games: Games,
    fold: np.ndarray,
    l2: float,
    starts: list[LinearMap | None],
    pause: Callable[[], None],
) -> float:
    """The log loss of every fold foretold from the others. ``starts`` has each fold's map of a stronger penalty."""
    margin = np.zeros(len(fold))
    for number in range(FOLDS):
        out = fold == number
        if not out.any() or out.all():
            continue
        seen = games.take(~out)
        starts[number] = fit_linear(inputs, seen, l2 * games.total / seen.total, starts[number], pause, TOLERANCE)
        scores = starts[number](inputs[games.prompt[out]])  # type: ignore[misc]
        rows = np.arange(len(scores))
        margin[out] = scores[rows, games.a[out]] - scores[rows, games.b[out]]
    return _loss_at_best(margin, games)


def _loss_at_best(margin: np.ndarray, games: Games) -> float:
    """The mean log loss at the temperature that fits best: strengths are told apart by order, not by scale."""
    size = float(np.abs(margin).mean()) or 1.0
    margin = margin / size
    # The loss is convex in the factor of the margins: its slope changes sign once.
    low, high = np.log(1e-4), np.log(1e2)
    for _ in range(60):
        middle = 0.5 * (low + high)
        slope = (games.count * probability(margin * np.exp(middle)) - games.won) @ margin
        low, high = (middle, high) if slope < 0 else (low, middle)
    margin = margin * np.exp(0.5 * (low + high))
    return float((games.count @ np.logaddexp(0.0, margin) - games.won @ margin) / games.total)


def _folds(games: Games, seed: int) -> np.ndarray:
    """Which fold each counted comparison is in, int64 ``[G]``: a prompt's are together."""
    prompts, which = np.unique(games.prompt, return_inverse=True)
    return (np.random.default_rng([seed, FOLDS_SALT]).permutation(len(prompts)) % FOLDS)[which]


def _sample(games: Games, seed: int) -> Games:
    """Those of some prompts: so many prompts, and about so many of them, at most."""
    prompts, sizes = np.unique(games.prompt, return_counts=True)
    order = np.random.default_rng([seed, FOLDS_SALT, 1]).permutation(len(prompts))
    fit = max(2, int((np.cumsum(sizes[order]) <= MOST_GAMES).sum()))
    few = min(MOST_PROMPTS, fit)
    return games if few >= len(prompts) else games.take(np.isin(games.prompt, prompts[order[:few]]))
