"""Ranks by net wins, with their intervals."""

from __future__ import annotations

from typing import Any

import numpy as np

from runner.builders.routing._ratings.agnostic import DRAWS, conclude, tell_ranking, warn_start_ignored
from runner.builders.routing._ratings.connections import tell_islands
from runner.builders.routing._ratings.greedy import net_wins, ranks, scores_of, upsets
from runner.builders.routing._ratings.pair_counts import count_pairs, redrawn_pairs
from runner.builders.routing.greedy_ranking import Spec
from runner.contract import TrainContext, TrainResult


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Count, rank, redraw, measure, store."""
    comparisons = context.data.train
    warn_start_ignored(context, "greedy_ranking")
    context.stop_here(0, {}, {})
    pairs = count_pairs(comparisons)
    groups = tell_islands(context, pairs)
    net = net_wins(pairs)
    ranked = ranks(net)
    scores = scores_of(ranked, spec.score_normalization)
    redrawn = []
    for chunk in redrawn_pairs(comparisons, DRAWS, context.seed):
        context.stop_here(0, {}, {})
        redrawn.append(scores_of(ranks(net_wins(chunk)), spec.score_normalization))
    if spec.print_summary:
        tell_ranking(comparisons.models, scores)

    def columns(number: int) -> dict[str, Any]:
        return {"rank": float(ranked[number]), "net_wins": int(net[number])}

    against = upsets(pairs, scores)
    metrics = {
        "upsets": against.contradicted,
        "upset_share": against.share,
        "upsets_at_least": against.at_least,
        "components": len(groups),
    }
    return conclude(context, comparisons.models, scores, np.concatenate(redrawn), metrics=metrics, columns=columns)
