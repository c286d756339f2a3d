"""One score per LLM: Bradley-Terry by maximum likelihood, on the scale of chess ratings, as leaderboards have it.

`P(a beats b) = 1 / (1 + base^((rating_b - rating_a) / scale))`, and a tie or a both_bad is half a win for each side.
The ratings of the greatest likelihood are found by Newton's method on the counts of every pair, with their mean at
`initial_rating`; a score is the rating less that. Where an LLM only won, only lost or was never compared with the
others, no greatest likelihood exists: such data is refused by name, or held finite by `regularization`. Intervals are
a bootstrap over prompts, or with `bootstrap_samples` 0 the sandwich estimator's, which the table has in any case.

Use it when one number per LLM is wanted, with intervals that can be trusted and probabilities of winning: it is what
a router has to beat. Not when the best LLM depends on the prompt.

Source: Bradley and Terry, "Rank analysis of incomplete block designs", Biometrika 1952; Chiang et al., "Chatbot
Arena", arXiv:2403.04132.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from runner.builders.routing._ratings.agnostic_predictor import AgnosticPredictor
from runner.contract import ModelSpec, TrainContext, TrainResult, option
from runner.data.comparisons import ComparisonsData
from runner.errors import DataError
from runner.tasks import ranking

if TYPE_CHECKING:
    import numpy as np

    from runner.builders.routing._ratings.pair_counts import Pairs

TASK = ranking.TASK
REQUIRES = ("numpy", "safetensors", "scipy")
Predictor = AgnosticPredictor


class Spec(ModelSpec):
    """Bradley-Terry."""

    uses_epochs: ClassVar[bool] = False
    uses_batch_size: ClassVar[bool] = False
    data = ComparisonsData
    reads: ClassVar = frozenset[str]()
    row_filters: ClassVar = ("min_model_occurrences",)

    model_type: Literal["bradley_terry_scoring"] = option(
        description="One score per LLM by maximum likelihood Bradley-Terry, a tie as half a win; blind to the prompt."
    )
    scale: float = option(400.0, gt=0, description="Rating points in which the odds of winning grow by `base`.")
    base: float = option(10.0, gt=1, description="The factor of the odds that `scale` points stand for.")
    initial_rating: float = option(1000.0, description="The mean rating; a score is a rating less this.")
    regularization: float = option(
        0.0,
        ge=0,
        description="Weight, in comparisons, of a ridge on the log strengths. 0 is the plain maximum likelihood, which "
        "does not exist where LLMs only won, only lost or were never compared: such data is refused then.",
    )
    bootstrap_samples: int = option(
        100,
        ge=0,
        le=10_000,
        description="Bootstrap samples over prompts behind the intervals; 0 takes the sandwich estimator's instead.",
    )
    min_model_occurrences: int = option(
        1000, ge=0, description="LLMs with fewer comparisons than this are left out, with their comparisons."
    )


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Fit, redraw, measure, store. A score is ``rating - initial_rating``; the scores have mean 0.

    Raises :class:`DataError` naming the LLMs when the maximum likelihood does not exist and nothing regularises it.
    """
    import numpy as np

    from runner.builders.routing._ratings.agnostic import conclude, warn_start_ignored
    from runner.builders.routing._ratings.bradley_terry import (
        REDRAW_RIDGE,
        bradley_terry,
        normal_quantile,
        sandwich_errors,
        unbounded,
    )
    from runner.builders.routing._ratings.pair_counts import count_pairs, redrawn_pairs

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
    from runner.builders.routing._ratings.connections import reason

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
