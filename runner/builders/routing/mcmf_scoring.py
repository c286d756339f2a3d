"""One score per LLM: the potentials of a flow of least cost through the comparisons (the L1 criterion).

Net wins flow through a graph of LLMs: from the source to `i` as much as `i` won, from `i` to the sink as much as it
lost, and from `i` to `j` at most as much as `i` beat `j`, at a cost of 1 each. A flow of the greatest size and the
least cost has potentials: minus the shortest distance to every LLM in the residual graph, from wherever it is
shortest. They are whole numbers and reach the exact minimum of `max(0, 1 - (s_winner - s_loser))` summed over the
decided comparisons: an upset costs by how far it goes against the scores, and no more than that. Where several scores
are equally good, these are the lowest: an LLM stands no higher than its comparisons put it. Ties and both_bad do not
count. Scores are moved to mean 0 and scaled to standard deviation 1. Groups of LLMs that no decided comparison
connects are each solved and centred on their own, and a warning names them, because their scores cannot be compared;
so does one for LLMs that only won or only lost, whose distance from the others has no upper limit (`components` and
`one_sided_groups` among the metrics). Intervals come from comparisons redrawn by prompt, each sample solved anew.

Use it when a few surprising results must not move a ranking much, or when tiers are wanted rather than a fine order:
on many comparisons a hundred LLMs share a handful of levels (`levels` among the metrics), and a comparison of two
LLMs of one level counts as a wrong answer in `accuracy`. Not for probabilities of winning: take
`bradley_terry_scoring`.

Source: Gupte, Shankar, Li, Muthukrishnan and Iftode, "Finding hierarchy in directed online social networks", WWW 2011
(there called agony); solved with HiGHS (Huangfu and Hall, "Parallelizing the dual revised simplex method", 2018).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from runner.builders.routing._ratings.agnostic_predictor import AgnosticPredictor
from runner.contract import ModelSpec, TrainContext, TrainResult, option
from runner.data.comparisons import ComparisonsData
from runner.tasks import ranking

if TYPE_CHECKING:
    import numpy as np

    from runner.builders.routing._ratings.pair_counts import Pairs

TASK = ranking.TASK
REQUIRES = ("numpy", "safetensors", "scipy")
Predictor = AgnosticPredictor


class Spec(ModelSpec):
    """Min-cost max-flow."""

    uses_epochs: ClassVar[bool] = False
    uses_batch_size: ClassVar[bool] = False
    data = ComparisonsData
    reads: ClassVar = frozenset[str]()
    row_filters: ClassVar = ("min_model_occurrences",)

    model_type: Literal["mcmf_scoring"] = option(
        description="One score per LLM from the potentials of a min-cost max-flow of wins; blind to the prompt."
    )
    min_model_occurrences: int = option(
        1000, ge=0, description="LLMs with fewer comparisons than this are left out, with their comparisons."
    )
    print_summary: bool = option(True, resume="free", description="Whether the ranking is written to the run's log.")


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Solve, redraw, measure, store. The scores have mean 0 and standard deviation 1."""
    import numpy as np

    from runner.builders.routing._ratings.agnostic import DRAWS, conclude, tell_ranking, warn_start_ignored
    from runner.builders.routing._ratings.connections import tell_islands
    from runner.builders.routing._ratings.greedy import upsets
    from runner.builders.routing._ratings.mcmf import one_sided, potentials, scores_of
    from runner.builders.routing._ratings.pair_counts import count_pairs

    comparisons = context.data.train
    warn_start_ignored(context, "mcmf_scoring")
    context.stop_here(0, {}, {})
    pairs = count_pairs(comparisons)
    groups = tell_islands(context, pairs)
    sides = one_sided(pairs)
    _tell_sides(context, pairs, sides)
    found = potentials(pairs)
    scores = scores_of(found, pairs)
    redrawn = _redraw(context, DRAWS)
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


def _redraw(context: TrainContext, draws: int) -> np.ndarray:
    """The scores of ``draws`` bootstrap samples over prompts, float64 ``[draws, n_models]``."""
    import numpy as np

    from runner.builders.routing._ratings.mcmf import drawn, potentials, scores_of
    from runner.builders.routing._ratings.pair_counts import redrawn_pairs
    from runner.training.pace import Every

    scores: list[np.ndarray] = []
    told = Every(1.0)
    for chunk in redrawn_pairs(context.data.train, draws, context.seed):
        for sample in drawn(chunk):
            context.stop_here(0, {}, {})
            scores.append(scores_of(potentials(sample), sample))
            if told.due():
                context.emit("progress", done=len(scores), total=draws, unit="bootstrap samples", metrics={})
    return np.array(scores)


def _tell_sides(context: TrainContext, pairs: Pairs, sides: list[np.ndarray]) -> None:
    """Name the LLMs whose distance from the others has no upper limit."""
    from runner.builders.routing._ratings.connections import reason

    if sides:
        reasons = "; ".join(reason(pairs, group, context.data.train.models, ties=False) for group in sides[1:])
        context.emit(
            "warning",
            message=f"the comparisons put no upper limit on how far some LLMs stand from the rest, so they stand as "
            f"low as is right: {reasons}",
            pointer="/data/dataset",
        )
