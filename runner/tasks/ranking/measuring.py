"""The measure of every router: the same numbers, in the same way, on the same held-out comparisons."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from runner.data.comparisons import BOTH_BAD, TIE, A, Comparisons
from runner.training.bootstrap import mean_interval

BINS = 10
#: With fewer decided comparisons held out than this, one parameter fitted on half of them would be noise.
ENOUGH = 100


def pairwise_accuracy(score_a: np.ndarray, score_b: np.ndarray, comparisons: Comparisons) -> float | None:
    """The share of decided comparisons whose winner has the strictly higher score; None where none is decided.

    Scores are float ``[n]``, one per comparison. An exact tie of scores counts as wrong.
    """
    right = _right(score_a, score_b, comparisons)[comparisons.decided]
    return float(right.mean()) if len(right) else None


def evaluate(
    score_a: np.ndarray,
    score_b: np.ndarray,
    comparisons: Comparisons,
    temperature: float | np.ndarray,
    seed: int,
    emit: Callable[..., None] | None = None,
) -> tuple[dict[str, float | int | None], list[dict[str, Any]]]:
    """Measure scores against comparisons: metrics, and the rows of the calibration table.

    ``score_a`` and ``score_b`` are float ``[n]``; ``P(a beats b) = sigmoid((score_a - score_b) / temperature)``, with
    one temperature, or one a comparison, as :func:`calibrate` gives them. The
    accuracy's interval is a 95 % percentile bootstrap over prompts. Where nothing is decided, the metrics are None and
    a warning says so through ``emit``. Ties are right when both scores are above 0, both_bad when both are below.
    """
    decided = comparisons.decided
    n_decided = int(decided.sum())
    metrics: dict[str, float | int | None] = {
        "accuracy": pairwise_accuracy(score_a, score_b, comparisons),
        "accuracy_low": None,
        "accuracy_high": None,
        "log_loss": None,
        "calibration_error": None,
        "tie_accuracy": _share((score_a > 0) & (score_b > 0), comparisons.winner == TIE),
        "both_bad_accuracy": _share((score_a < 0) & (score_b < 0), comparisons.winner == BOTH_BAD),
        "n_validation": len(comparisons),
        "n_decided": n_decided,
    }
    if n_decided == 0:
        if emit is not None:
            emit(
                "warning",
                message="the validation split holds no decided comparison, so accuracy and log loss are unknown",
                pointer="/data/validation_split",
            )
        return metrics, []
    right = _right(score_a, score_b, comparisons)[decided]
    interval = mean_interval(right, comparisons.prompt[decided], seed)
    metrics["accuracy_low"], metrics["accuracy_high"] = interval.low, interval.high
    margin = ((score_a - score_b) / temperature)[decided]
    a_won = comparisons.winner[decided] == A
    metrics["log_loss"] = float(np.logaddexp(0.0, np.where(a_won, -margin, margin)).mean())
    table = calibration_table(probability(margin), a_won)
    metrics["calibration_error"] = float(
        sum(row["count"] * abs(row["predicted"] - row["observed"]) for row in table) / n_decided
    )
    return metrics, table


def probability(margin: np.ndarray) -> np.ndarray:
    """The logistic function, exact far out on both sides."""
    return np.exp(-np.logaddexp(0.0, -np.asarray(margin, np.float64)))


def calibration_table(predicted: np.ndarray, a_won: np.ndarray) -> list[dict[str, Any]]:
    """Ten equal bins of ``P(a beats b)``: the mean prediction and the share that came true (Guo et al., 2017).

    ``predicted`` is float ``[n]`` in [0, 1] and ``a_won`` bool ``[n]``. Empty bins are left out.
    """
    bins = np.minimum((predicted * BINS).astype(np.int64), BINS - 1)
    count = np.bincount(bins, minlength=BINS)
    sums = np.bincount(bins, weights=predicted, minlength=BINS)
    wins = np.bincount(bins, weights=a_won, minlength=BINS)
    return [
        {
            "low": int(b) / BINS,
            "high": (int(b) + 1) / BINS,
            "predicted": float(sums[b] / count[b]),
            "observed": float(wins[b] / count[b]),
            "count": int(count[b]),
        }
        for b in np.flatnonzero(count)
    ]


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
    prompts, which = np.unique(comparisons.prompt, return_inverse=True)
    # By the text, not its number: which prompts are together does not depend on what else is in the data.
    halves = np.array([zlib.crc32(comparisons.keys[at].encode("utf-8", "replace")) & 1 for at in prompts], np.int64)
    half = halves[which] if len(prompts) else np.zeros(len(comparisons), np.int64)
    counts = np.bincount(half[decided], minlength=2)
    if counts.sum() < ENOUGH or counts.min() < ENOUGH // 4:
        return np.full(len(comparisons), otherwise), otherwise
    margins = winner_margins(score_a, score_b, comparisons)
    each = [fit_temperature(margins[half[decided] != side]) for side in (0, 1)]
    return np.array(each)[half], fit_temperature(margins)


def _right(score_a: np.ndarray, score_b: np.ndarray, comparisons: Comparisons) -> np.ndarray:
    return np.where(comparisons.winner == A, score_a > score_b, score_b > score_a)


def _share(right: np.ndarray, among: np.ndarray) -> float | None:
    return float(right[among].mean()) if among.any() else None
