"""Bradley-Terry ratings, with their intervals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from runner.builders.routing._ratings.agnostic import conclude, warn_start_ignored
from runner.builders.routing._ratings.bradley_terry import (
    REDRAW_RIDGE,
    bradley_terry,
    normal_quantile,
    sandwich_errors,
    unbounded,
)
from runner.builders.routing._ratings.connections import reason
from runner.builders.routing._ratings.pair_counts import Pairs, count_pairs, redrawn_pairs
from runner.builders.routing.bradley_terry_scoring import Spec
from runner.contract import TrainContext, TrainResult
from runner.errors import DataError


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Fit, redraw, measure, store. A score is ``rating - initial_rating``; the scores have mean 0.

    Raises :class:`DataError` naming the LLMs when the maximum likelihood does not exist and nothing regularises it.
    """
    comparisons = context.data.train
    warn_start_ignored(context, "bradley_terry_scoring")
    context.stop_here(0, {}, {})
    pairs = count_pairs(comparisons)
    groups = unbounded(pairs)
    if groups:
        _refuse_or_warn(spec, context, pairs, groups)

    points = spec.scale / math.log(spec.base)
    strengths = bradley_terry(pairs, spec.regularization)
    scores = points * strengths
    reach = normal_quantile() * points * sandwich_errors(pairs, strengths, spec.regularization)
    redrawn = [np.zeros((0, len(scores)))]
    for chunk in redrawn_pairs(comparisons, spec.bootstrap_samples, context.seed):
        context.stop_here(0, {}, {})
        redrawn.append(points * bradley_terry(chunk, max(spec.regularization, REDRAW_RIDGE)))

    def columns(number: int) -> dict[str, Any]:
        low, high = float(scores[number] - reach[number]), float(scores[number] + reach[number])
        row = {"rating": float(spec.initial_rating + scores[number]), "sandwich_low": low, "sandwich_high": high}
        return row if spec.bootstrap_samples else row | {"low": low, "high": high}

    return conclude(
        context,
        comparisons.models,
        scores,
        np.concatenate(redrawn),
        metrics={"unbounded_groups": len(groups)},
        columns=columns,
    )


def _refuse_or_warn(spec: Spec, context: TrainContext, pairs: Pairs, groups: list[np.ndarray]) -> None:
    """Name the LLMs because of which no finite maximum exists: an error, or with a regularization a warning."""
    names = context.data.train.models
    reasons = "; ".join(reason(pairs, group, names) for group in groups[1:])
    if spec.regularization == 0:
        raise DataError(
            f"the Bradley-Terry maximum likelihood does not exist on this data: {reasons}",
            where="/model/spec/regularization",
            hint="set a regularization such as 0.01, raise min_model_occurrences, or use more data",
        )
    context.emit(
        "warning",
        message=f"these ratings are held finite by the regularization of {spec.regularization:g} alone: {reasons}",
        pointer="/model/spec/regularization",
    )
