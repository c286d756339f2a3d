"""Scores of the LLMs from how they did on the nearest training prompts, and the guard of a default LLM."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from runner.builders.routing._neighbors.nearest import Vectors
from runner.builders.routing._neighbors.outcomes import Outcomes

#: Cells of (query, neighbour, LLM) that are held at once.
AT_ONCE = 1 << 21
#: A score of zero is as many wins as losses.
EVEN = 0.5
#: How far below the default an LLM is put whose lead is not sure. Scores lie within 1 of each other.
BELOW = 1e-6


@dataclass(frozen=True)
class Weighting:
    """How much each neighbour counts, by its cosine."""

    #: ``uniform``, ``cosine`` or ``softmax``.
    name: str = "cosine"
    #: Of the softmax: the smaller, the more the nearest count.
    temperature: float = 0.1

    def __call__(self, cosines: np.ndarray) -> np.ndarray:
        """float64 ``[Q, k]``, nothing for a neighbour that was not found (a cosine of -inf)."""
        cosines = np.asarray(cosines, np.float64)
        if self.name == "uniform":
            return (cosines > -np.inf).astype(np.float64)
        if self.name == "cosine":
            return np.clip(cosines, 0.0, None)
        nearest = np.where(np.isneginf(cosines[:, :1]), 0.0, cosines[:, :1])
        # The nearest weighs 1, so that shrinkage means the same in all three.
        return np.exp((cosines - nearest) / self.temperature)


@dataclass(frozen=True)
class Guarding:
    """When another LLM than the default may lead."""

    default: int
    min_standard_errors: float
    min_similarity: float
    min_neighbors: int

    def __call__(
        self, scores: np.ndarray, outcomes: tuple[np.ndarray, np.ndarray], near: tuple[np.ndarray, np.ndarray]
    ) -> np.ndarray:
        """Scores ``[Q, M]``, with those below the default's whose lead over it is not sure.

        ``outcomes`` are the neighbours' counts and totals ``[Q, k, M]``, ``near`` their weights and cosines ``[Q, k]``.
        The lead is the mean difference of the two LLMs' outcomes over the neighbours that have both, and its standard
        error that of paired differences, weighted.
        """
        sure = self._sure(*outcomes, near[0]) & (near[1].max(axis=1, initial=-np.inf) >= self.min_similarity)[:, None]
        lead = scores - scores[:, [self.default]]
        unsure = (lead >= 0) & ~sure
        unsure[:, self.default] = False
        # Among themselves they keep their order.
        return np.where(unsure, scores[:, [self.default]] - BELOW * (2.0 - lead), scores)

    def _sure(self, count: np.ndarray, total: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """bool ``[Q, M]``: whether the LLM is better than the default by enough standard errors on enough prompts."""
        mean = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
        both = (count > 0) & (count[..., [self.default]] > 0)
        weight = weight[..., None] * both
        whole = weight.sum(axis=1)
        known = whole > 0
        share = np.divide(weight, whole[:, None], out=np.zeros_like(weight), where=known[:, None])
        difference = mean - mean[..., [self.default]]
        lead = (share * difference).sum(axis=1)
        # So many prompts of equal weight would be as sure (Kish, 1965).
        size = np.divide(1.0, (share**2).sum(axis=1), out=np.zeros_like(lead), where=known)
        variance = (share * (difference - lead[:, None]) ** 2).sum(axis=1)
        error = np.sqrt(np.divide(variance, size - 1, out=np.full_like(lead, np.inf), where=size > 1 + 1e-9))
        needed = np.multiply(
            self.min_standard_errors, error, out=np.zeros_like(error), where=self.min_standard_errors > 0
        )
        return (both.sum(axis=1) >= self.min_neighbors) & (lead > 0) & (lead > needed)


@dataclass(frozen=True)
class NeighborScores:
    """Scores by the ``k`` nearest prompts."""

    prompts: Vectors
    outcomes: Outcomes
    k: int
    weighting: Weighting
    #: How many outcomes the LLM's overall mean counts for.
    shrinkage: float
    guard: Guarding | None = None

    def __call__(self, queries: np.ndarray, without: np.ndarray | None = None) -> np.ndarray:
        """float64 ``[Q, M]`` of prompts' embeddings ``[Q, d]``; ``without`` as in :meth:`Vectors.nearest`."""
        places, cosines = self.prompts.nearest(queries, self.k, without)
        return self.of_neighbors(places, cosines)

    def of_neighbors(self, places: np.ndarray, cosines: np.ndarray) -> np.ndarray:
        """The same from what :meth:`Vectors.nearest` found."""
        scores = [np.zeros((0, len(self.outcomes.mean)))]
        for some in _chunks(len(places), places.shape[1] * len(self.outcomes.mean)):
            weight = self.weighting(cosines[some])
            count, total = self.outcomes.tables(places[some])
            whole = np.einsum("qk,qkm->qm", weight, count)
            mean = np.einsum("qk,qkm->qm", weight, total) + self.shrinkage * self.outcomes.mean
            size = whole + self.shrinkage
            overall = np.broadcast_to(self.outcomes.mean, size.shape)
            part = np.divide(mean, size, out=overall.copy(), where=size > 1e-12) - EVEN
            if self.guard is not None:
                part = self.guard(part, (count, total), (weight, cosines[some]))
            scores.append(part)
        return np.concatenate(scores)


def _chunks(rows: int, width: int) -> Iterator[slice]:
    at_once = max(1, AT_ONCE // max(width, 1))
    return (slice(start, start + at_once) for start in range(0, rows, at_once))
