"""Whether a router beats the best of the baselines beside it, on the same held-out comparisons."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from runner.contract import Table
from runner.data.comparisons import Comparisons
from runner.statistics.paired_bootstrap import resample
from runner.tasks import against_baselines
from runner.tasks.ranking import TASK
from runner.tasks.ranking.measuring import ranked_right

Sides = tuple[np.ndarray, np.ndarray]


def against_best(own: Sides, rivals: Mapping[str, Sides], comparisons: Comparisons, seed: int) -> Table | None:
    """The router's accuracy less that of the most accurate rival, with the interval of the paired difference.

    Scores are those of both sides of every comparison, float64 ``[n]``. The table's note says in a sentence what the
    difference shows. None where nothing is decided, or nothing stands beside it.
    """
    decided = comparisons.decided
    if not decided.any() or not rivals:
        return None
    right = {name: ranked_right(*sides, comparisons)[decided] for name, sides in rivals.items()}
    best = max(right, key=lambda name: float(right[name].mean()))
    prompts = comparisons.prompt[decided]
    redrawn, rival = (
        resample(column[:, None], prompts, seed) for column in (ranked_right(*own, comparisons)[decided], right[best])
    )
    return next(iter(against_baselines.against_best(TASK, redrawn, {best: rival}, share=True)), None)
