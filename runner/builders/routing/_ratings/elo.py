"""Sequential Elo over comparisons, with the nudges that give ties and both_bad a place on the scale.

Elo, "The Rating of Chessplayers", 1978: base 10, scale 400. The one place where a loop over comparisons is the
algorithm itself: every rating depends on the one before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from runner.builders.routing._ratings.elo_games import unpack
from runner.builders.routing._ratings.elo_order import Order
from runner.data.comparisons import TIE, A, B, Comparisons

BASE, SCALE = 10.0, 400.0
#: Bootstrap samples step through at most so many comparisons: Elo forgets, so the last ones decide.
MOST_STEPS = 20_000
#: So many comparisons take longer in plain Python than to load numba and compile the loop.
COMPILED_FROM = 2_500_000


@dataclass(frozen=True)
class Elo:
    """The rule's constants: the spec's fields of the same names."""

    initial_rating: float = 1500.0
    k_factor: float = 32.0
    tie_both_bad_epsilon: float = 100.0
    non_ranking_loss_coeff: float = 0.1

    @property
    def constants(self) -> tuple[float, float, float, float]:
        """The greatest change, the nudge, and the bounds that ties pull up to and both_bad down to."""
        return (
            self.k_factor,
            self.non_ranking_loss_coeff * 0.5,
            self.initial_rating + self.tie_both_bad_epsilon,
            self.initial_rating - self.tie_both_bad_epsilon,
        )


def work(comparisons: Comparisons, epochs: int, draws: int) -> int:
    """How many comparisons a training plays in all, those of its bootstrap samples included."""
    steps = epochs * len(comparisons)
    return steps + draws * min(steps, MOST_STEPS)


def play(ratings: np.ndarray, games: np.ndarray, rule: Elo, compiled: bool = False) -> None:
    """Update ``ratings``, float64 ``[M]``, in place by the games (:func:`~.elo_games.pack`), in order.

    A win counts 1 and a loss 0; a tie and a both_bad count one half to both. A tie counts
    ``non_ranking_loss_coeff / 2`` more to an LLM rated below ``initial_rating + tie_both_bad_epsilon``, a both_bad so
    much less to one rated above ``initial_rating - tie_both_bad_epsilon``. ``compiled`` changes the speed and no bit.
    """
    if compiled:
        from runner.builders.routing._ratings import elo_compiled

        elo_compiled.play(ratings, games, *rule.constants, BASE, SCALE)
        return
    # Plain lists: numpy's scalars are slow.
    values = ratings.tolist()
    a, b, winner = (column.tolist() for column in unpack(games))
    play_plainly(values, a, b, winner, rule)
    ratings[:] = values


def play_plainly(ratings: list[float], model_a: list[int], model_b: list[int], winner: list[int], rule: Elo) -> None:
    """The loop in plain Python, in place: soon over where there is little to play."""
    k, nudge, good, bad = rule.constants
    for a, b, outcome in zip(model_a, model_b, winner, strict=True):
        rating_a, rating_b = ratings[a], ratings[b]
        try:
            expected = 1.0 / (1.0 + BASE ** ((rating_b - rating_a) / SCALE))
        except OverflowError:
            expected = 0.0
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


def redrawn_ratings(
    comparisons: Comparisons,
    order: Order,
    start: np.ndarray,
    fitted: np.ndarray,
    rule: Elo,
    epochs: int,
    draws: int,
    compiled: bool = False,
    between: Callable[[], None] = lambda: None,
) -> np.ndarray:
    """The ratings of ``draws`` bootstrap samples over prompts, float64 ``[draws, n_models]``.

    A sample goes through as many comparisons as training did, from ``start`` (``[n_models]``); where that is more than
    ``MOST_STEPS``, through that many, from ``fitted``. ``between`` is called before each and may raise.
    """
    steps = epochs * len(comparisons)
    first = start if steps <= MOST_STEPS else fitted
    ratings = np.tile(first, (draws, 1))
    for one, games in zip(ratings, order.of_samples(min(steps, MOST_STEPS), draws), strict=True):
        between()
        play(one, games, rule, compiled)
    return ratings
