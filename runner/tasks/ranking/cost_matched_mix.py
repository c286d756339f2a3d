"""The random mixture of two LLMs that costs what a router does: what can be had at its cost without reading prompts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from runner.tasks.ranking.cost_hull import corners
from runner.tasks.ranking.offered_answers import Offered
from runner.tasks.ranking.redrawn_columns import Redrawn

MIX, MIXED = "mix", "mixed"


@dataclass(frozen=True)
class CostMatchedMix:
    """Two neighbouring corners of the hull of the LLMs as training knew them, whose costs enclose the router's."""

    cheaper: int
    dearer: int
    #: The prompts on which the quality and the cost of both and of the router's choice are known, bool ``[P]``.
    known: np.ndarray
    columns: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, offered: Offered, chosen: np.ndarray) -> CostMatchedMix | None:
        """For the choices ``chosen``, int64 ``[P]``; None where the cheapest LLM is the best too, or costs lack."""
        if offered.price is None or not offered.free:
            return None
        trained = np.flatnonzero(~np.isnan(offered.trained))
        hull = [int(trained[at]) for at in corners(offered.price.mean(axis=0)[trained], offered.trained[trained])]
        quality, cost = offered.of(chosen)
        known = ~np.isnan(quality + cost)
        if len(hull) < 2 or not known.any():
            return None
        # The first pair whose dearer LLM costs what the router does; with none, the dearest pair.
        means = [_mean(offered.cost[known, at]) for at in hull]
        own = float(cost[known].mean())
        at = next((at for at, mean in enumerate(means) if at and mean >= own), len(hull) - 1)
        pair = hull[at - 1], hull[at]
        for each in pair:
            known &= ~np.isnan(offered.quality[:, each] + offered.cost[:, each])
        if not known.any():
            return None
        tables = [quality, cost, *(table[:, each] for each in pair for table in (offered.quality, offered.cost))]
        columns = np.where(known[:, None], np.stack(tables, axis=1), 0.0)
        return cls(*pair, known, {MIX: columns, MIXED: known})

    def found(self, redrawn: Redrawn) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        """Quality of the mix, the router's less the mix's, the mix's cost, each ``[1 + B]``, and the dearer's share.

        In every sample the share is the one that makes the costs equal; it stays between 0 and 1.
        """
        own, spent, low, low_cost, high, high_cost = redrawn.ratio(MIX, MIXED).T
        width = high_cost - low_cost
        share = np.clip(np.divide(spent - low_cost, width, out=np.ones_like(width), where=width > 0), 0.0, 1.0)
        worth = low + share * (high - low)
        return worth, own - worth, low_cost + share * width, float(share[0])


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("inf")
