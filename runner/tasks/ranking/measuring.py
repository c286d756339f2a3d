"""The measure of every router: the same numbers, in the same way, on the same held-out comparisons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from runner.data.comparisons import BOTH_BAD, TIE, A, Comparisons
from runner.statistics.paired_bootstrap import mean_interval
from runner.tasks.ranking.calibration import probability

BINS = 10


def pairwise_accuracy(score_a: np.ndarray, score_b: np.ndarray, comparisons: Comparisons) -> float | None:
    """The share of decided comparisons whose winner has the strictly higher score; None where none is decided.

    Scores are float ``[n]``, one per comparison. An exact tie of scores counts as wrong.
    """
    right = ranked_right(score_a, score_b, comparisons)[comparisons.decided]
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
    right = ranked_right(score_a, score_b, comparisons)[decided]
    interval = mean_interval(right, comparisons.prompt[decided], seed)
    metrics |= interval.ends("accuracy")
    margin = ((score_a - score_b) / temperature)[decided]
    a_won = comparisons.winner[decided] == A
    metrics["log_loss"] = float(np.logaddexp(0.0, np.where(a_won, -margin, margin)).mean())
    table = calibration_table(probability(margin), a_won)
    metrics["calibration_error"] = float(
        sum(row["count"] * abs(row["predicted"] - row["observed"]) for row in table) / n_decided
    )
    return metrics, table


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


def ranked_right(score_a: np.ndarray, score_b: np.ndarray, comparisons: Comparisons) -> np.ndarray:
    """Whether the winner has the strictly higher score: bool ``[n]``, of meaning for the decided ones alone."""
    return np.where(comparisons.winner == A, score_a > score_b, score_b > score_a)


def _share(right: np.ndarray, among: np.ndarray) -> float | None:
    return float(right[among].mean()) if among.any() else None
