"""A strong and a weak LLM: how much of the way between them a router goes with how many calls of the strong one.

Source: RouteLLM (Ong et al., 2024, arXiv:2406.18665, section 2.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runner.tasks.ranking.cost_hull import least_reaching
from runner.tasks.ranking.llm_choice import threshold_for_share

#: Shares of strong calls that are looked at.
SHARES = 41


@dataclass(frozen=True)
class StrongCalls:
    """The thresholds of a router between two LLMs, prompt by prompt: float64 ``[P, T]`` each.

    The first threshold calls the weak LLM always, the last the strong one.
    """

    strong: np.ndarray  # 1 where the strong LLM is called
    worth: np.ndarray  # what the called one's answer is worth

    @classmethod
    def of(cls, lead: np.ndarray, strong: np.ndarray, weak: np.ndarray) -> StrongCalls:
        """``lead`` is by how much the strong LLM's score is above the weak one's; the others their answers' worth.

        All are float64 ``[P]``. Prompts of equal lead are called alike, and a share within them is reached by chance.
        """
        thresholds = np.array([threshold_for_share(lead, float(share)) for share in np.linspace(0, 1, SHARES)])
        called = lead[:, None] >= thresholds
        return cls(called.astype(np.float64), np.where(called, strong[:, None], weak[:, None]))


def gap_recovered(worth: np.ndarray) -> np.ndarray:
    """PGR: the part of the gap between weak and strong that is recovered, from mean worths, float64 ``[B, T]``.

    NaN in the rows in which the strong LLM is no better.
    """
    gap = worth[:, -1:] - worth[:, :1]
    return np.divide(worth - worth[:, :1], gap, out=np.full(worth.shape, np.nan), where=gap > 1e-12)


def mean_gap_recovered(share: np.ndarray, recovered: np.ndarray) -> np.ndarray:
    """APGR: the mean of the part recovered over all shares of strong calls, ``[B]``; a random choice has one half."""
    return np.asarray(np.trapezoid(recovered, share, axis=1), np.float64)


def call_share(share: np.ndarray, recovered: np.ndarray, part: float) -> np.ndarray:
    """CPT: the least share of strong calls that recovers this part of the gap, ``[B]``; NaN where there is no gap.

    A random choice has ``part`` itself.
    """
    found = least_reaching(share, np.nan_to_num(recovered, nan=-1.0), np.full(len(share), part))
    return np.where(np.isnan(recovered).any(axis=1), np.nan, found)
