"""Elo's loop and its draws, compiled by numba. Only the worker loads this, and only where there is much to do.

What is compiled is not kept on disk: numba's cache is pickles, and compiling takes about a second.
"""

from __future__ import annotations

import numpy as np
from numba import njit  # noqa: TID253

from runner.data.comparisons import TIE, A, B


@njit
def play(
    ratings: np.ndarray,
    model_a: np.ndarray,
    model_b: np.ndarray,
    winner: np.ndarray,
    rows: np.ndarray,
    k: float,
    nudge: float,
    good: float,
    bad: float,
    base: float,
    scale: float,
) -> None:
    """What `_elo.play_plainly` does, operation by operation, so that it gives the same bits.

    The base is an argument because a compiler that knows it takes another function than the power, which rounds
    otherwise.
    """
    for row in rows:
        a, b, outcome = model_a[row], model_b[row], winner[row]
        rating_a, rating_b = ratings[a], ratings[b]
        expected = 1.0 / (1.0 + base ** ((rating_b - rating_a) / scale))
        if outcome == A:
            change = k * (1.0 - expected)
            ratings[a], ratings[b] = rating_a + change, rating_b - change
        elif outcome == B:
            change = k * expected
            ratings[a], ratings[b] = rating_a - change, rating_b + change
        else:
            actual_a = actual_b = 0.5
            if outcome == TIE:
                if rating_a < good:
                    actual_a += nudge
                if rating_b < good:
                    actual_b += nudge
            else:
                if rating_a > bad:
                    actual_a -= nudge
                if rating_b > bad:
                    actual_b -= nudge
            ratings[a] = rating_a + k * (actual_a - expected)
            ratings[b] = rating_b + k * (actual_b - (1.0 - expected))


@njit
def guide(edges: np.ndarray) -> np.ndarray:
    """Where :func:`find` starts to look, for each of ``n`` equal parts of [0, 1): int32 ``[n]``."""
    n = len(edges)
    starts = np.empty(n, np.int32)
    row = 0
    for part in range(n):
        while row < n - 1 and edges[row] <= edges[n - 1] * (part / n):
            row += 1
        starts[part] = row
    return starts


@njit
def find(uniform: np.ndarray, edges: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """What `training.balancing.draw` finds by bisection, in about one step: int64 ``[len(uniform)]``.

    ``uniform`` is float64 in [0, 1), ``edges`` the running sum of the weights ``[n]`` (Chen and Asau, "On generating
    random variates from an empirical distribution", AIIE Transactions 1974).
    """
    n = len(edges)
    rows = np.empty(len(uniform), np.int64)
    for at in range(len(uniform)):
        place = uniform[at] * edges[n - 1]
        row = starts[min(int(uniform[at] * n), n - 1)]
        # Rounding may put the start a row too far.
        while row > 0 and edges[row - 1] > place:
            row -= 1
        while row < n - 1 and edges[row] <= place:
            row += 1
        rows[at] = row
    return rows
