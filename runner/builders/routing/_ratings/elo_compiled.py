"""Elo's loop and its draws, compiled by numba. Only the worker loads this, and only where there is much to do.

What is compiled is not kept on disk: numba's cache is pickles, and compiling takes about a second.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from runner.builders.routing._ratings.elo_games import MODEL_BITS, OUTCOME_BITS
from runner.data.comparisons import TIE, A, B

MODELS, OUTCOMES = (1 << MODEL_BITS) - 1, (1 << OUTCOME_BITS) - 1


@njit
def play(
    ratings: np.ndarray, games: np.ndarray, k: float, nudge: float, good: float, bad: float, base: float, scale: float
) -> None:
    """What `_elo.play_plainly` does, operation by operation, so that it gives the same bits.

    The base is an argument because a compiler that knows it takes another function than the power, which rounds
    otherwise.
    """
    for game in games:
        a, b, outcome = game >> (MODEL_BITS + OUTCOME_BITS), (game >> OUTCOME_BITS) & MODELS, game & OUTCOMES
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
def guide(edges: np.ndarray, parts: int) -> np.ndarray:
    """Where :func:`draw` starts to look, for each of ``parts`` equal parts of [0, 1): int32 ``[parts]``."""
    starts = np.empty(parts, np.int32)
    which = 0
    for part in range(parts):
        while which < len(edges) - 1 and edges[which] <= edges[-1] * (part / parts):
            which += 1
        starts[part] = which
    return starts


@njit
def draw(
    uniform: np.ndarray,
    starts: np.ndarray,
    edges: np.ndarray,
    lower: np.ndarray,
    rarity: np.ndarray,
    first: np.ndarray,
    count: np.ndarray,
    games: np.ndarray,
) -> np.ndarray:
    """What `_elo_order.Balanced.rows` finds by bisection, in about one step, and the game there: int64.

    Chen and Asau, "On generating random variates from an empirical distribution", AIIE Transactions 1974.
    """
    drawn = np.empty(len(uniform), np.int64)
    last = len(edges) - 1
    for at in range(len(uniform)):
        place = uniform[at] * edges[last]
        which = np.int64(starts[min(int(uniform[at] * len(starts)), len(starts) - 1)])
        # Rounding may put the start too far.
        while which > 0 and edges[which - 1] > place:
            which -= 1
        while which < last and edges[which] <= place:
            which += 1
        inside = int((place - lower[which]) * rarity[which])
        drawn[at] = games[first[which] + min(max(inside, 0), count[which] - 1)]
    return drawn
