"""What a router buys at every rate of exchange between quality and cost, beside what single LLMs and chance buy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from runner.tasks.ranking.cost_hull import Hull
from runner.tasks.ranking.llm_choice import by_rate, quality
from runner.tasks.ranking.offered_answers import Offered
from runner.tasks.ranking.redrawn_columns import Redrawn

#: Rates between never minding cost and minding nothing else.
RATES = 20
BOUGHT, PAID, WORTH, COST = "bought", "paid", "worth", "cost"


@dataclass(frozen=True)
class CostCurve:
    """On the prompts of which quality and cost of every LLM are known: bool ``[P]``."""

    whole: np.ndarray
    #: How often each rate calls each LLM, float64 ``[K, M]``.
    shares: np.ndarray
    single: int
    columns: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, offered: Offered, scores: np.ndarray, temperature: float) -> CostCurve | None:
        """``scores`` are float64 ``[M, P]``; None where no prompt is whole, or what a call costs is not known before.

        An LLM is chosen by its chance of the better answer less a rate times what it is expected to cost; what it
        really cost is paid.
        """
        if offered.price is None:
            return None
        whole = offered.allowed.all(axis=1) & ~np.isnan(offered.quality + offered.cost).any(axis=1)
        if not whole.any():
            return None
        price = offered.price[whole].T
        chance = quality(scores[:, whole], temperature)
        spread = float(np.ptp(price))
        rates = [0.0, *(np.logspace(-3, 3, RATES) / (spread or 1.0))]
        chosen = np.stack([by_rate(chance, price, float(rate)).chosen for rate in rates] + [price.argmin(axis=0)])
        models, at = len(offered.models), np.arange(chosen.shape[1])
        shares = np.stack([np.bincount(row, minlength=models) for row in chosen]) / chosen.shape[1]
        worth, cost = offered.quality[whole], offered.cost[whole]

        def spread_out(table: np.ndarray) -> np.ndarray:
            wide = np.zeros((len(whole), table.shape[1]))
            wide[whole] = table
            return wide

        columns = {
            BOUGHT: spread_out(worth[at, chosen].T),
            PAID: spread_out(cost[at, chosen].T),
            WORTH: spread_out(worth),
            COST: spread_out(cost),
            "whole": whole,
        }
        return cls(whole, shares, offered.best, columns)

    def found(self, redrawn: Redrawn) -> Bought:
        """The hulls, and what is read off them, in the prompts as they are and in every sample."""
        bought, paid, worth, cost = (redrawn.ratio(name, "whole") for name in (BOUGHT, PAID, WORTH, COST))
        rows, cheapest = np.arange(len(cost)), cost.argmin(axis=1)
        # Whatever a policy is, the cheapest LLM may be called instead.
        least = worth[rows, cheapest][:, None], cost[rows, cheapest][:, None]

        def hull(qualities: np.ndarray, costs: np.ndarray) -> Hull:
            return Hull.of(np.concatenate([least[1], costs], axis=1), np.concatenate([least[0], qualities], axis=1))

        low, high = cost.min(axis=1), cost.max(axis=1)
        router, singles = hull(bought, paid), hull(worth, cost)
        chance = hull(worth @ self.shares.T, cost @ self.shares.T)
        aiq = {
            name: each.mean_quality(low, high)
            for name, each in (("router", router), ("singles", singles), ("shuffled", chance))
        }
        price = cost[:, self.single]
        needed = router.cost_at(worth[:, self.single])
        saved = 1 - np.divide(needed, price, out=np.full(len(price), np.nan), where=price > 0)
        return Bought(aiq, saved, router, singles, (float(low[0]), float(high[0])))


@dataclass(frozen=True)
class Bought:
    """What a curve comes to; arrays are ``[1 + B]``."""

    #: AIQ by policy: ``router``, ``singles``, ``shuffled``.
    aiq: Mapping[str, np.ndarray]
    #: The part of the best single LLM's cost that is saved at its quality; minus infinity where that is never reached.
    saved: np.ndarray
    router: Hull
    singles: Hull
    #: The mean costs of the cheapest and of the dearest LLM.
    costs: tuple[float, float]

    def drawn(self) -> list[tuple[float, float, float]]:
        """Cost, the router's quality and that of single LLMs and their mixtures, for a plot of both hulls."""
        low, high = self.costs
        at = np.unique(np.clip(np.concatenate([self.router.cost[0], self.singles.cost[0], self.costs]), low, high))
        lines = [np.interp(at, hull.cost[0], hull.quality[0]) for hull in (self.router, self.singles)]
        return [(float(x), float(one), float(two)) for x, one, two in zip(at, *lines, strict=True)]
