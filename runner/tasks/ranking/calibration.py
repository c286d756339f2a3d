"""Scores as probabilities: the temperature that fits them, and the chance that one LLM answers better."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from runner.data.comparisons import A, Comparisons

#: With fewer decided comparisons held out than this, one parameter fitted on half of them would be noise.
ENOUGH = 100


def probability(margin: np.ndarray) -> np.ndarray:
    """The logistic function, exact far out on both sides."""
    return np.exp(-np.logaddexp(0.0, -np.asarray(margin, np.float64)))


def winner_margins(score_a: np.ndarray, score_b: np.ndarray, comparisons: Comparisons) -> np.ndarray:
    """The winner's score less the loser's, float64 over the decided comparisons: what :func:`fit_temperature` takes."""
    margin = np.asarray(score_a, np.float64) - np.asarray(score_b, np.float64)
    return np.where(comparisons.winner == A, margin, -margin)[comparisons.decided]


def fit_temperature(margins: np.ndarray) -> float:
    """The temperature of the greatest likelihood of ``sigmoid(margin / temperature)`` (Platt scaling without a bias).

    ``margins`` is float ``[n]``, winner less loser. The log likelihood is concave in
    ``1 / temperature``; bisection finds its maximum within ``[0.1, 1e4]`` times the mean absolute margin. Scores that
    rank no better than chance end at the upper bound (every probability near one half), those that are never wrong at
    the lower (the odds of a mean margin are e^10, not infinite); no margin at all gives 1.
    """
    margins = np.asarray(margins, np.float64)
    scale = float(np.abs(margins).mean()) if len(margins) else 0.0
    if scale == 0.0:
        return 1.0
    # Prompt-agnostic scores have few distinct margins.
    values, counts = np.unique(margins / scale, return_counts=True)
    low, high = np.log(1e-4), np.log(10.0)
    for _ in range(80):
        middle = 0.5 * (low + high)
        slope = float((counts * values * probability(-values * np.exp(middle))).sum())
        low, high = (middle, high) if slope > 0 else (low, middle)
    return scale / float(np.exp(0.5 * (low + high)))


def calibrate(
    score_a: np.ndarray, score_b: np.ndarray, comparisons: Comparisons, otherwise: float
) -> tuple[np.ndarray, float]:
    """Temperatures from held-out comparisons: one for each, float64 ``[n]``, to measure with, and one to keep.

    Scores of a model that knows its training prompts by heart lie too far apart on others, so the temperature is not
    fitted where the model was (Guo et al., 2017). Prompts are in two halves by their text, and each half is measured
    with the temperature that fits the other, so that none is measured with one that has seen it; the one to keep is
    fitted on both. With fewer than ``ENOUGH`` decided comparisons it is ``otherwise``: the training split's.
    """
    decided = comparisons.decided
    half = halves(comparisons.prompt, comparisons.keys)
    counts = np.bincount(half[decided], minlength=2)
    if counts.sum() < ENOUGH or counts.min() < ENOUGH // 4:
        return np.full(len(comparisons), otherwise), otherwise
    margins = winner_margins(score_a, score_b, comparisons)
    each = [fit_temperature(margins[half[decided] != side]) for side in (0, 1)]
    return np.array(each)[half], fit_temperature(margins)


def halves(prompt: np.ndarray, keys: Sequence[str]) -> np.ndarray:
    """In which half each row is, 0 or 1, int64 ``[n]``: those of one prompt together, by what it is known by.

    By the text, not its number: which prompts are together does not depend on what else is in the data.
    """
    prompts, which = np.unique(prompt, return_inverse=True)
    sides = np.array([zlib.crc32(keys[at].encode("utf-8", "replace")) & 1 for at in prompts], np.int64)
    return sides[which]
