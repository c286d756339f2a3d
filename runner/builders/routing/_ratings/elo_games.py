"""A comparison as Elo meets it: a game in one whole number."""

from __future__ import annotations

import numpy as np

from runner.data.comparisons import Comparisons

#: A game is a comparison in one int64, so that a million in random order are read at once: a, b, and the outcome.
MODEL_BITS, OUTCOME_BITS = 30, 2


def pack(comparisons: Comparisons) -> np.ndarray:
    """Every comparison as a game, int64 ``[n]``."""
    pair = (comparisons.model_a.astype(np.int64) << MODEL_BITS) | comparisons.model_b
    return (pair << OUTCOME_BITS) | comparisons.winner


def unpack(games: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``model_a``, ``model_b`` and ``winner`` of games, int64 each."""
    pair = games >> OUTCOME_BITS
    return pair >> MODEL_BITS, pair & ((1 << MODEL_BITS) - 1), games & ((1 << OUTCOME_BITS) - 1)
