"""Scores by least squares, with their intervals."""

from __future__ import annotations

import numpy as np

from runner.builders.routing._ratings.agnostic import DRAWS, conclude, tell_ranking, warn_start_ignored
from runner.builders.routing._ratings.connections import components
from runner.builders.routing._ratings.least_squares import least_squares
from runner.builders.routing._ratings.pair_counts import count_pairs, redrawn_pairs
from runner.builders.routing.least_squares_scoring import Spec
from runner.contract import TrainContext, TrainResult


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Solve, redraw, measure, store. The scores have mean 0 and standard deviation 1."""
    comparisons = context.data.train
    warn_start_ignored(context, "least_squares_scoring")
    context.stop_here(0, {}, {})
    pairs = count_pairs(comparisons)
    groups = components(pairs, pairs.wins_i + pairs.wins_j)
    if len(groups) > len(components(pairs, pairs.total)):
        # A graph that is not connected at all was told when the data was read.
        islands = "; ".join(", ".join(comparisons.models[m] for m in group) for group in groups[1:])
        context.emit(
            "warning",
            message=f"only ties connect some LLMs with the rest, so their scores cannot be compared: {islands}",
            pointer="/data/dataset",
        )
    scores = least_squares(pairs)
    redrawn = []
    for chunk in redrawn_pairs(comparisons, DRAWS, context.seed):
        context.stop_here(0, {}, {})
        redrawn.append(least_squares(chunk))
    if spec.print_summary:
        tell_ranking(comparisons.models, scores)
    return conclude(context, comparisons.models, scores, np.concatenate(redrawn), metrics={"components": len(groups)})
