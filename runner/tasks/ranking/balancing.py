"""Which comparisons an epoch sees, and in which order: a shuffle, or a draw that favours the rarer LLMs."""

from __future__ import annotations

import numpy as np


def pair_weights(model_a: np.ndarray, model_b: np.ndarray) -> np.ndarray:
    """The sampling weight of each comparison: the inverse frequency of its rarer LLM.

    ``model_a`` and ``model_b`` are integer ``[n]``; the result is float64 ``[n]``, not normalised.
    """
    counts = np.bincount(np.concatenate([model_a, model_b])) if len(model_a) else np.zeros(0)
    return 1.0 / np.minimum(counts[model_a], counts[model_b])


def epoch_order(n: int, rng: np.random.Generator, weights: np.ndarray | None = None) -> np.ndarray:
    """The rows of one epoch, int64 ``[n]``: a permutation, or ``n`` draws in proportion to ``weights``."""
    if weights is None:
        return rng.permutation(n)
    return draw(weights, n, rng)


def draw(weights: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """``size`` rows with replacement, in proportion to ``weights`` (``[n]``, not all 0): int64 ``[size]``."""
    edges = np.cumsum(weights)
    rows = np.searchsorted(edges, rng.random(size) * edges[-1], side="right")
    # Rounding may put the very last draw on the upper edge itself.
    return np.minimum(rows, len(weights) - 1)
