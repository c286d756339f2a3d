"""The strong and the weak LLM of each prompt, and what a router's choice between the two comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from runner.tasks.ranking.offered_answers import Offered
from runner.tasks.ranking.redrawn_columns import Redrawn
from runner.tasks.ranking.strong_calls import StrongCalls, call_share, gap_recovered, mean_gap_recovered

#: The parts of the gap that a share of calls is told for.
PARTS = (0.5, 0.8)
#: The strong and the weak one of votes between more than two LLMs, which are others on each prompt.
OF_TRAINING = ("the better of training on each prompt", "the other")
OF_COST = ("the dearer on each prompt", "the cheaper")
SHARE, CALLED, BOTH = "strong share", "called worth", "both"


@dataclass(frozen=True)
class StrongAndWeak:
    """Who is strong and who is weak, in words, and the columns of the router's thresholds."""

    strong: str
    weak: str
    #: The prompts on which both are known, bool ``[P]``.
    known: np.ndarray
    columns: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, offered: Offered, scores: np.ndarray) -> StrongAndWeak | str:
        """``scores`` are float64 ``[M, P]``. A sentence where there are no two such LLMs.

        Where any LLM may be called, the strong one is the best of training, and the weak one the cheapest, or without
        costs the worst of training. Of votes they are, on each prompt, the dearest and the cheapest of those that were
        compared, or without costs the best and the worst of training; where that is one pair throughout, it is named.
        """
        standing = offered.standing
        if offered.free:
            usual = -standing if offered.price is None else offered.price.mean(axis=0)
            strong, weak = (np.full(len(scores.T), int(at.argmin())) for at in (standing, usual))
            names = offered.models[strong[0]], offered.models[weak[0]]
            if names[0] == names[1]:
                return f"{names[0]} is the best of training and the cheapest: there is nothing to trade"
        else:
            order = standing if offered.price is None else -offered.price
            strong, weak = offered.first(order), offered.first(-order)
            names = OF_TRAINING if offered.price is None else OF_COST
        (worth, _), (cheaper, _) = offered.of(strong), offered.of(weak)
        known = (strong != weak) & ~np.isnan(worth + cheaper)
        if len(np.unique(strong[known])) == 1 and len(np.unique(weak[known])) == 1:
            names = offered.models[strong[known][0]], offered.models[weak[known][0]]
        if not known.any():
            return f"on no prompt are {names[0]} and {names[1]} both known"
        at = np.arange(scores.shape[1])
        lead = (scores[strong, at] - scores[weak, at])[known]
        calls = StrongCalls.of(lead, worth[known], cheaper[known])
        share, called = np.zeros((2, len(known), calls.strong.shape[1]))
        share[known], called[known] = calls.strong, calls.worth
        return cls(*names, known, {SHARE: share, CALLED: called, BOTH: known})

    def found(self, redrawn: Redrawn) -> dict[str, np.ndarray]:
        """APGR, CPT for each of ``PARTS``, and the calls saved at the strong LLM's quality, each ``[1 + B]``."""
        share, worth = redrawn.ratio(SHARE, BOTH), redrawn.ratio(CALLED, BOTH)
        recovered = gap_recovered(worth)
        told = {"apgr": mean_gap_recovered(share, recovered)}
        told |= {f"cpt_{part * 100:.0f}": call_share(share, recovered, part) for part in PARTS}
        return told | {"strong_calls_saved": 1 - call_share(share, recovered, 1.0)}
