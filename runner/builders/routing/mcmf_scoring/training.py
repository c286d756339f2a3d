"""Potentials of a flow, with their intervals."""

from __future__ import annotations

from typing import Any

import numpy as np

from runner.builders.routing._ratings.agnostic import DRAWS, conclude, tell_ranking, warn_start_ignored
from runner.builders.routing._ratings.connections import reason, tell_islands
from runner.builders.routing._ratings.greedy import upsets
from runner.builders.routing._ratings.min_cost_flow import drawn, one_sided, potentials, scores_of
from runner.builders.routing._ratings.pair_counts import Pairs, count_pairs, redrawn_pairs
from runner.builders.routing.mcmf_scoring import Spec
from runner.contract import TrainContext, TrainResult
from runner.training.throttling import Every


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Solve, redraw, measure, store. The scores have mean 0 and standard deviation 1."""
    comparisons = context.data.train
    warn_start_ignored(context, "mcmf_scoring")
    context.stop_here(0, {}, {})
    pairs = count_pairs(comparisons)
    groups = tell_islands(context, pairs)
    sides = one_sided(pairs)
    _tell_sides(context, pairs, sides)
    found = potentials(pairs)
    scores = scores_of(found, pairs, spec.within_levels)
    redrawn = _redraw(context, DRAWS, spec.within_levels)
    if spec.print_summary:
        tell_ranking(comparisons.models, scores)

    def columns(number: int) -> dict[str, Any]:
        return {"potential": int(found[number])}

    against = upsets(pairs, scores)
    metrics = {
        "levels": len(np.unique(found)),
        "components": len(groups),
        "one_sided_groups": len(sides),
        "upsets": against.contradicted,
        "upset_share": against.share,
    }
    return conclude(context, comparisons.models, scores, redrawn, metrics=metrics, columns=columns)


def _redraw(context: TrainContext, draws: int, within: str) -> np.ndarray:
    """The scores of ``draws`` bootstrap samples over prompts, float64 ``[draws, n_models]``."""
    scores: list[np.ndarray] = []
    told = Every(1.0)
    for chunk in redrawn_pairs(context.data.train, draws, context.seed):
        for sample in drawn(chunk):
            context.stop_here(0, {}, {})
            scores.append(scores_of(potentials(sample), sample, within))
            if told.due():
                context.emit("progress", done=len(scores), total=draws, unit="bootstrap samples", metrics={})
    return np.array(scores)


def _tell_sides(context: TrainContext, pairs: Pairs, sides: list[np.ndarray]) -> None:
    """Name the LLMs whose distance from the others has no upper limit."""
    if sides:
        reasons = "; ".join(reason(pairs, group, context.data.train.models, ties=False) for group in sides[1:])
        context.emit(
            "warning",
            message=f"the comparisons put no upper limit on how far some LLMs stand from the rest, so they stand as "
            f"low as is right: {reasons}",
            pointer="/data/dataset",
        )
