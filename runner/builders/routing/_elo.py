"""Sequential Elo over comparisons, with the nudges that give ties and both_bad a place on the scale.

Elo, "The Rating of Chessplayers", 1978: base 10, scale 400. The one place where a Python loop over comparisons is
the algorithm itself: every rating depends on the one before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from runner.builders.routing._pairs import prompt_weights
from runner.data.comparisons import BOTH_BAD, TIE, A, B, Comparisons
from runner.training.balancing import draw, epoch_order, pair_weights

SCALE = 400.0
#: Bootstrap samples step through at most so many comparisons: Elo forgets, so the last ones decide.
MOST_STEPS = 20_000


@dataclass(frozen=True)
class Elo:
    """The rule's constants: the spec's fields of the same names."""

    initial_rating: float = 1500.0
    k_factor: float = 32.0
    tie_both_bad_epsilon: float = 100.0
    non_ranking_loss_coeff: float = 0.1


def rows_of_epoch(comparisons: Comparisons, epoch: int, seed: int, balanced: bool) -> np.ndarray:
    """The comparisons of one epoch in their order, int64 ``[n]``; ``epoch`` counts from 1."""
    rng = np.random.default_rng([seed, epoch])
    weights = pair_weights(comparisons.model_a, comparisons.model_b) if balanced else None
    return epoch_order(len(comparisons), rng, weights)


def play(
    ratings: list[float], model_a: Sequence[int], model_b: Sequence[int], winner: Sequence[int], rule: Elo
) -> None:
    """Update ``ratings`` in place by the comparisons, in order. Plain lists: numpy's scalars are slow.

    A win counts 1 and a loss 0; a tie and a both_bad count one half to both. A tie counts
    ``non_ranking_loss_coeff / 2`` more to an LLM rated below ``initial_rating + tie_both_bad_epsilon``, a both_bad so
    much less to one rated above ``initial_rating - tie_both_bad_epsilon``.
    """
    k, nudge = rule.k_factor, rule.non_ranking_loss_coeff * 0.5
    good, bad = rule.initial_rating + rule.tie_both_bad_epsilon, rule.initial_rating - rule.tie_both_bad_epsilon
    for a, b, outcome in zip(model_a, model_b, winner, strict=True):
        rating_a, rating_b = ratings[a], ratings[b]
        try:
            expected = 1.0 / (1.0 + 10.0 ** ((rating_b - rating_a) / SCALE))
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
    start: np.ndarray,
    fitted: np.ndarray,
    rule: Elo,
    epochs: int,
    balanced: bool,
    draws: int,
    seed: int,
    between: Callable[[], None] = lambda: None,
) -> np.ndarray:
    """The ratings of ``draws`` bootstrap samples over prompts, float64 ``[draws, n_models]``, all stepped at once.

    A sample goes through as many comparisons as training did, from ``start`` (``[n_models]``); where that is more than
    ``MOST_STEPS``, through that many, from ``fitted``. ``between`` is called now and then and may raise.
    """
    steps = epochs * len(comparisons)
    first = start if steps <= MOST_STEPS else fitted
    steps = min(steps, MOST_STEPS)
    order = _redrawn_rows(comparisons, steps, balanced, draws, seed)

    winner = comparisons.winner
    actual_a = np.where(winner == A, 1.0, np.where(winner == B, 0.0, 0.5))
    # +1 pulls a rating up to its bound, -1 down to it, 0 leaves a decided comparison alone.
    side = np.where(winner == TIE, 1.0, np.where(winner == BOTH_BAD, -1.0, 0.0))
    bound = rule.initial_rating + side * rule.tie_both_bad_epsilon
    nudge = side * rule.non_ranking_loss_coeff * 0.5

    ratings = np.tile(first, (draws, 1))
    flat, offset = ratings.reshape(-1), np.arange(draws) * ratings.shape[1]
    with np.errstate(over="ignore"):
        for number, rows in enumerate(order):
            if number % 2000 == 0:
                between()
            a, b = offset + comparisons.model_a[rows], offset + comparisons.model_b[rows]
            rating_a, rating_b = flat[a], flat[b]
            expected = 1.0 / (1.0 + 10.0 ** ((rating_b - rating_a) / SCALE))
            limit, push, actual = bound[rows], nudge[rows], actual_a[rows]
            flat[a] += rule.k_factor * (actual + push * (push * (limit - rating_a) > 0) - expected)
            flat[b] += rule.k_factor * (expected - actual + push * (push * (limit - rating_b) > 0))
    return ratings


def _redrawn_rows(comparisons: Comparisons, steps: int, balanced: bool, draws: int, seed: int) -> np.ndarray:
    """Which comparison each sample meets at each step: int32 ``[steps, draws]``."""
    rng = np.random.default_rng([seed, 0x65])
    n = len(comparisons)
    weights = pair_weights(comparisons.model_a, comparisons.model_b) if balanced else np.ones(n)
    order = np.empty((steps, draws), np.int32)
    for number, times in enumerate(prompt_weights(comparisons.prompt, draws, seed)):
        if balanced:
            order[:, number] = draw(times * weights, steps, rng)
        else:
            sample = np.repeat(np.arange(n, dtype=np.int32), times.astype(np.int64))
            passes = [rng.permutation(sample) for _ in range(-(-steps // len(sample)))]
            order[:, number] = np.concatenate(passes)[:steps]
    return order
