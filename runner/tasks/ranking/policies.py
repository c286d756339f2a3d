"""Ways to choose an LLM for every prompt: what a router is measured beside.

A policy is the chance of each call, so that what is drawn at random is measured by its expectation, without a draw.
The baselines are those of RouterBench (Hu et al., 2024) and RouteLLM (Ong et al., 2024).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runner.tasks.ranking.offered_answers import Offered

#: Scores that are looked at for the shares of a shuffling, over all sets of LLMs that may be called.
MOST_LOOKS = 20_000_000


@dataclass(frozen=True)
class Policy:
    """How likely each LLM is called on each prompt: float64 ``[P, M]``, rows that add up to 1."""

    name: str
    chance: np.ndarray

    def worth(self, offered: Offered) -> tuple[np.ndarray, np.ndarray]:
        """What its calls are expected to be worth, float64 ``[P]``, and where that is known, bool ``[P]``.

        A call that fell on a hole is left out: of several that are possible, the others stand for it.
        """
        return self._expected(offered.quality)

    def spent(self, offered: Offered) -> tuple[np.ndarray, np.ndarray]:
        """What they are expected to cost, on the prompts where their worth is known and the cost is too."""
        cost, known = self._expected(np.where(np.isnan(offered.quality), np.nan, offered.cost))
        # A mean of some of the possible costs is not the policy's.
        lost = ((self.chance > 0) & np.isnan(offered.cost) & ~np.isnan(offered.quality)).any(axis=1)
        return np.where(lost, 0.0, cost), known & ~lost

    def calls(self) -> np.ndarray:
        """The share of prompts that each LLM is called on, float64 ``[M]``."""
        return self.chance.mean(axis=0)

    def unmeasured(self, offered: Offered) -> np.ndarray:
        """The share of prompts that each LLM is called on whose worth there is not known, float64 ``[M]``."""
        return np.asarray((self.chance * np.isnan(offered.quality)).mean(axis=0))

    def over_known(self, offered: Offered) -> Policy:
        """The same among the LLMs whose worth is known on a prompt, where one of them may be called."""
        chance = self.chance * ~np.isnan(offered.quality)
        total = chance.sum(axis=1, keepdims=True)
        return Policy(self.name, np.divide(chance, total, out=self.chance.copy(), where=total > 0))

    def _expected(self, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        known = ~np.isnan(table)
        chance = self.chance * known
        total = chance.sum(axis=1)
        value = (chance * np.where(known, table, 0.0)).sum(axis=1)
        return np.divide(value, total, out=np.zeros(len(total)), where=total > 0), total > 0


def fixed(name: str, chosen: np.ndarray, models: int) -> Policy:
    """One LLM a prompt, int ``[P]``."""
    return Policy(name, np.eye(models)[chosen])


def single(offered: Offered) -> Policy:
    """The best LLM of training, whatever the prompt; of votes the better one of those that were compared."""
    return fixed("single", offered.first(offered.standing), len(offered.models))


def at_random(offered: Offered) -> Policy:
    """Every LLM that may be called and whose answer is known is equally likely."""
    return Policy("random", offered.allowed / offered.allowed.sum(axis=1, keepdims=True)).over_known(offered)


def oracle(offered: Offered) -> Policy:
    """The best known answer to each prompt, the cheapest of several: what no policy exceeds."""
    best = offered.quality >= np.nanmax(offered.quality, axis=1, keepdims=True)
    cost = np.where(np.isnan(offered.cost), np.inf, offered.cost)
    # Costs decide only between equals; where none is known the first is taken.
    key = np.where(best, np.where(np.isfinite(cost), cost, np.finfo(float).max), np.inf)
    return fixed("oracle", key.argmin(axis=1), len(offered.models))


def first_choice(offered: Offered, scores: np.ndarray) -> np.ndarray:
    """The LLM of the greatest score on each prompt, int64 ``[P]``; of equals the cheapest, then the first.

    ``scores`` are float64 ``[M, P]``.
    """
    own = np.where(offered.allowed, scores.T, -np.inf)
    price = np.zeros(own.shape) if offered.price is None else offered.price
    return np.where(own >= own.max(axis=1, keepdims=True), price, np.inf).argmin(axis=1).astype(np.int64)


def shuffled(offered: Offered, scores: np.ndarray) -> Policy:
    """The router with its scores handed to other prompts: the mean over all ways to shuffle them.

    Each LLM is called as often as the router calls it, on prompts that have nothing to do with it, as far as its
    answers are known. Nothing is trained anew. ``scores`` are float64 ``[M, P]``.
    """
    sets, which = offered.allowed[:1], np.zeros(len(offered.allowed), np.int64)
    if not offered.free:
        sets, which = np.unique(offered.allowed, axis=0, return_inverse=True)
    step = -(-len(sets) * scores.size // MOST_LOOKS)
    some = scores[:, ::step]
    price = np.zeros(len(scores)) if offered.price is None else offered.price.mean(axis=0)
    shares = np.zeros(sets.shape)
    for row, members in zip(shares, sets, strict=True):
        # The cheapest come first, and the first of equals is taken.
        order = sorted(np.flatnonzero(members), key=lambda at: price[at])
        row[order] = np.bincount(some[order].argmax(axis=0), minlength=len(order)) / some.shape[1]
    return Policy("shuffled", shares[which.reshape(-1)]).over_known(offered)
