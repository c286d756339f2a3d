"""One score per LLM: the scores whose differences are nearest to the differences of the win rates, in closed form.

For every pair of LLMs with decided comparisons, `t_ij = winrate_ij - winrate_ji`. The scores minimise the sum over
those pairs of `(s_i - s_j - t_ij)^2`, each pair counting once however often it was compared: a linear system in the
Laplacian of the graph of pairs, solved with the least norm, then moved to mean 0 and scaled to standard deviation 1.
Ties and both_bad do not count. Intervals come from comparisons redrawn by prompt.

Use it when every pair was compared about as often, or when pairs that were compared a lot must not drown the others;
it has a solution on any data, also where an LLM only won. Not where many pairs were compared once or twice, whose win
rates of 0 and 1 weigh as much as well-known ones (take `bradley_terry_scoring`).

Source: Jiang, Lim, Yao and Ye, "Statistical ranking and combinatorial Hodge theory", Mathematical Programming 2011.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from runner.builders.routing._ratings.agnostic_predictor import AgnosticPredictor
from runner.contract import ModelSpec, TrainContext, TrainResult, option
from runner.data.comparisons import ComparisonsData
from runner.tasks import ranking

TASK = ranking.TASK
REQUIRES = ("numpy", "safetensors", "scipy")
Predictor = AgnosticPredictor


class Spec(ModelSpec):
    """Least squares on win rates."""

    uses_epochs: ClassVar[bool] = False
    uses_batch_size: ClassVar[bool] = False
    data = ComparisonsData
    reads: ClassVar = frozenset[str]()
    row_filters: ClassVar = ("min_model_occurrences",)

    model_type: Literal["least_squares_scoring"] = option(
        description="One score per LLM by least squares on the win rates of every compared pair; blind to the prompt."
    )
    min_model_occurrences: int = option(
        1000, ge=0, description="LLMs with fewer comparisons than this are left out, with their comparisons."
    )
    print_summary: bool = option(True, resume="free", description="Whether the ranking is written to the run's log.")


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Solve, redraw, measure, store. The scores have mean 0 and standard deviation 1."""
    import numpy as np

    from runner.builders.routing._ratings.agnostic import DRAWS, conclude, tell_ranking, warn_start_ignored
    from runner.builders.routing._ratings.connections import components
    from runner.builders.routing._ratings.least_squares import least_squares
    from runner.builders.routing._ratings.pair_counts import count_pairs, redrawn_pairs

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
