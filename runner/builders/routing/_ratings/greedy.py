"""LLMs in the order of their net wins, and how much of the comparisons such an order contradicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from runner.builders.routing._ratings.pair_counts import Pairs, balance


@dataclass(frozen=True)
class Upsets:
    """Decided comparisons, by what a ranking says of them."""

    #: Won by the one that ranks lower; of a pair of equal rank, the lesser side's wins.
    contradicted: int
    #: What every ranking contradicts at least: of every pair, the lesser side's wins.
    at_least: int
    decided: int

    @property
    def share(self) -> float | None:
        return self.contradicted / self.decided if self.decided else None


def net_wins(pairs: Pairs) -> np.ndarray:
    """Wins less losses of every LLM, float64 ``[..., n_models]``; ties and both_bad do not count."""
    return balance(pairs.wins_i - pairs.wins_j, pairs)


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks over the last axis, float64: 1 is the highest value, and equal values share the mean of their places."""
    return rankdata(-values, axis=-1)


def scores_of(ranked: np.ndarray, normalization: str) -> np.ndarray:
    """What the ranks ``[..., n]`` are stored as: ``-rank``, ``(n - rank) / n`` or ``-(rank - (n + 1) / 2)``."""
    n = ranked.shape[-1]
    by_name: Mapping[str, np.ndarray] = {
        "negative_rank": -ranked,
        "normalized": (n - ranked) / n,
        "centered": (n + 1) / 2 - ranked,
    }
    return by_name[normalization]


def upsets(pairs: Pairs, scores: np.ndarray) -> Upsets:
    """Count what the scores ``[n_models]`` contradict of the pairs ``[K]``: the weight of their feedback arcs."""
    higher = np.sign(scores[pairs.i] - scores[pairs.j])
    lesser = np.minimum(pairs.wins_i, pairs.wins_j)
    against = np.select([higher > 0, higher < 0], [pairs.wins_j, pairs.wins_i], lesser)
    decided = pairs.wins_i.sum() + pairs.wins_j.sum()
    return Upsets(int(against.sum()), int(lesser.sum()), int(decided))
