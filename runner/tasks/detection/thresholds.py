"""From which score on a found box is told: the threshold whose F1 is best at an overlap of half."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runner.tasks.detection.average_precision import ClassMatches


def curve(matches: Sequence[ClassMatches]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, falling, with the precision and recall of all classes' boxes from each on: float64 ``[k]`` each."""
    scores = np.concatenate([one.scores for one in matches])
    hits = np.concatenate([one.hits[0] & one.counts[0] for one in matches])
    counts = np.concatenate([one.counts[0] for one in matches])
    order = np.argsort(-scores, kind="stable")
    right, seen = np.cumsum(hits[order]), np.cumsum(counts[order])
    # Boxes of one score are told together.
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True)) if len(order) else np.zeros(0, np.int64)
    true = sum(int(one.true.sum()) for one in matches)
    precision = right[last] / np.maximum(seen[last], 1)
    return scores[order][last], precision, right[last] / max(true, 1)


def f1_of(precision: np.ndarray, recall: np.ndarray) -> np.ndarray:
    """The harmonic mean of both, 0 where both are."""
    both = precision + recall
    return np.divide(2 * precision * recall, both, out=np.zeros_like(both, dtype=np.float64), where=both > 0)


def best_threshold(matches: Sequence[ClassMatches]) -> tuple[float, float]:
    """The score with the best F1, rounded down to four decimals, and that F1; 0.5 where nothing is right."""
    scores, precision, recall = curve(matches)
    f1 = f1_of(precision, recall)
    if not len(f1) or not f1.max():
        return 0.5, 0.0
    at = int(np.argmax(f1))
    return float(np.floor(scores[at] * 1e4) / 1e4), float(f1[at])
