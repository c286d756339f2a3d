"""One linear map per LLM on what is known of a prompt, of the greatest penalised Bradley-Terry likelihood.

Bradley and Terry, "Rank analysis of incomplete block designs", Biometrika 1952; L-BFGS: Liu and Nocedal, "On the
limited memory BFGS method for large scale optimization", Mathematical Programming 1989.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from runner.data.comparisons import BOTH_BAD, TIE, A, Comparisons

#: The ridge of the LLMs' own terms, in comparisons, as in the Bradley-Terry baseline: one that only won stays finite.
RIDGE = 0.01
#: Prompts whose numbers are float64 at once.
AT_ONCE = 1 << 15
#: L-BFGS ends where the mean loss falls by less than this share of itself, or after so many steps.
TOLERANCE, STEPS = 1e-9, 1000


@dataclass(frozen=True)
class Games:
    """Comparisons counted by prompt and pair of LLMs; ``G`` of them."""

    prompt: np.ndarray  # int64 [G], rows of the inputs
    a: np.ndarray  # int64 [G], a < b
    b: np.ndarray
    count: np.ndarray  # float64 [G]
    #: float64 ``[G]``: how many of them a won, one of no winner being half a win.
    won: np.ndarray
    n_models: int

    @classmethod
    def of(cls, comparisons: Comparisons, entry: np.ndarray, ties: bool, both_bad: bool) -> Games:
        """Count the decided ones and, if asked to, those without a winner as half a win for each.

        ``entry`` is int ``[prompts]``: the row of the inputs that each of the data's prompts has.
        """
        winner = comparisons.winner
        kept = comparisons.decided | (ties & (winner == TIE)) | (both_bad & (winner == BOTH_BAD))
        n_models = len(comparisons.models)
        first, second = (ids[kept].astype(np.int64) for ids in (comparisons.model_a, comparisons.model_b))
        decided = comparisons.decided[kept]
        worth = np.where(decided, winner[kept] == A, 0.5)
        swapped = first > second
        worth = np.where(swapped, 1 - worth, worth)
        low, high = np.minimum(first, second), np.maximum(first, second)
        key = (entry[comparisons.prompt[kept]].astype(np.int64) * n_models + low) * n_models + high
        keys, which = np.unique(key, return_inverse=True)
        count = np.bincount(which, minlength=len(keys)).astype(np.float64)
        won = np.bincount(which, weights=worth, minlength=len(keys))
        return cls(keys // n_models**2, keys // n_models % n_models, keys % n_models, count, won, n_models)

    @property
    def total(self) -> float:
        """How many comparisons there are."""
        return float(self.count.sum())

    def take(self, rows: np.ndarray) -> Games:
        """Some of them, by a bool mask ``[G]``."""
        prompt, a, b, count, won = (part[rows] for part in (self.prompt, self.a, self.b, self.count, self.won))
        return Games(prompt, a, b, count, won, self.n_models)


@dataclass(frozen=True)
class LinearMap:
    """Scores ``x @ weights.T + bias`` of the LLMs, float64 ``[M, d]`` and ``[M]``."""

    weights: np.ndarray
    bias: np.ndarray

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """float64 ``[P, M]`` of inputs ``[P, d]``."""
        scores = np.empty((len(inputs), len(self.bias)))
        for some in _blocks(len(inputs)):
            scores[some] = inputs[some].astype(np.float64) @ self.weights.T + self.bias
        return scores


def fit_linear(
    inputs: np.ndarray,
    games: Games,
    l2: float,
    start: LinearMap | None = None,
    pause: Callable[[], None] = lambda: None,
    tolerance: float = TOLERANCE,
    steps: int = STEPS,
) -> LinearMap:
    """The map with the least ``mean loss + l2 / 2 * |weights|^2``, by L-BFGS in float64.

    ``inputs`` are ``[P, d]``; the loss of a comparison is ``-log sigmoid`` of the winner's score less the loser's. The
    problem is convex, so where it starts from only saves steps. ``pause`` is called between steps, and may raise.
    """
    n_models, width = games.n_models, inputs.shape[1]
    size = n_models * width
    total = max(games.total, 1.0)
    shape = (len(inputs), n_models)
    at_a, at_b = games.prompt * n_models + games.a, games.prompt * n_models + games.b
    cells = shape[0] * shape[1]

    def value(x: np.ndarray) -> tuple[float, np.ndarray]:
        weights, bias = x[:size].reshape(n_models, width), x[size:]
        scores = LinearMap(weights, bias)(inputs).ravel()
        margin = scores[at_a] - scores[at_b]
        loss = games.count @ np.logaddexp(0.0, margin) - games.won @ margin
        slope = (games.count * np.exp(-np.logaddexp(0.0, -margin)) - games.won) / total
        pull = np.bincount(at_a, slope, cells) - np.bincount(at_b, slope, cells)
        pull = pull.reshape(shape)
        gradient = l2 * weights
        for some in _blocks(len(inputs)):
            gradient += pull[some].T @ inputs[some].astype(np.float64)
        penalty = 0.5 * l2 * (weights * weights).sum() + 0.5 * RIDGE / total * (bias * bias).sum()
        both = np.concatenate([gradient.ravel(), pull.sum(axis=0) + RIDGE / total * bias])
        return float(loss / total + penalty), both

    begin = np.zeros(size + n_models) if start is None else np.concatenate([start.weights.ravel(), start.bias])
    found = minimize(
        value,
        begin,
        jac=True,
        method="L-BFGS-B",
        callback=lambda _: pause(),
        options={"maxiter": steps, "maxfun": 4 * steps, "ftol": tolerance, "gtol": 1e-7},
    )
    return LinearMap(found.x[:size].reshape(n_models, width), found.x[size:])


def _blocks(rows: int) -> list[slice]:
    return [slice(start, start + AT_ONCE) for start in range(0, rows, AT_ONCE)]
