"""From probabilities to a class: the most probable one, or by a threshold where there are two."""

from __future__ import annotations

import numpy as np

#: The threshold of two classes where none was chosen.
HALF = 0.5


def decide(probabilities: np.ndarray, threshold: float | None = None) -> np.ndarray:
    """The class of every row, int64 ``[n]``, from probabilities, float64 ``[n, classes]``.

    Of two classes it is the second where that one's probability is ``threshold`` (one half by default) or more. Of any
    other number it is the most probable one, the first of equals, and ``threshold`` is not looked at.
    """
    if probabilities.shape[1] == 2:
        return (probabilities[:, 1] >= (HALF if threshold is None else threshold)).astype(np.int64)
    return probabilities.argmax(axis=1).astype(np.int64)


def choose_threshold(probabilities: np.ndarray, actual: np.ndarray) -> float:
    """The threshold of two classes with the greatest F1 of the second, on rows that the model was not fitted on.

    ``probabilities`` are float64 ``[n, 2]``, or ``[n]`` of the second class; ``actual`` is int64 ``[n]``. Any threshold
    between two neighbouring probabilities decides alike: the one halfway is taken. Of equally good ones it is the
    nearest to one half. Without a row of the second class it is one half. F1 rather than Youden's index: it does not
    reward the many right rows of a frequent first class. Rows that chose it flatter it: measure on others.
    """
    second = np.asarray(probabilities, np.float64)
    second = second[:, 1] if second.ndim == 2 else second
    positive = np.asarray(actual) == 1
    if not positive.any():
        return HALF
    # Distinct probabilities, the greatest first: at each, the rows that are taken for the second class.
    values, which = np.unique(-second, return_inverse=True)
    values = -values
    taken = np.cumsum(np.bincount(which))
    right = np.cumsum(np.bincount(which, weights=positive))
    f1 = 2 * right / (taken + positive.sum())
    below = np.append(values[1:], 0.0)
    halfway = below + (values - below) / 2
    # Of two floats without one between, halfway is the lower one, which would take in the next row.
    thresholds = np.where(halfway > below, halfway, values)
    best = np.flatnonzero(f1 == f1.max())
    return float(thresholds[best[np.argmin(np.abs(thresholds[best] - HALF))]])
