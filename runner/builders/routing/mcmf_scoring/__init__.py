"""One score per LLM: the potentials of a flow of least cost through the comparisons (the L1 criterion).

Net wins flow through a graph of LLMs: from the source to `i` as much as `i` won, from `i` to the sink as much as it
lost, and from `i` to `j` at most as much as `i` beat `j`, at a cost of 1 each. A flow of the greatest size and the
least cost has potentials: minus the shortest distance to every LLM in the residual graph, from wherever it is
shortest. They are whole numbers and reach the exact minimum of `max(0, 1 - (s_winner - s_loser))` summed over the
decided comparisons: an upset costs by how far it goes against the scores, and no more than that. Where several scores
are equally good, these are the lowest: an LLM stands no higher than its comparisons put it. A hundred LLMs share a
handful of such levels (`levels` among the metrics). Within a level, LLMs are told apart by the scores of
`least_squares_scoring`: each stands above or below its level by its distance from the level's mean, shrunk to at most
a quarter of a step, so that no two levels meet. With `within_levels` `equal` they stay together. Ties and both_bad
do not count. Scores are moved to mean 0 and scaled to standard deviation 1. Groups of LLMs that no decided comparison
connects are each solved and centred on their own, and a warning names them, because their scores cannot be compared;
so does one for LLMs that only won or only lost, whose distance from the others has no upper limit (`components` and
`one_sided_groups` among the metrics). Intervals come from comparisons redrawn by prompt, each sample solved anew.

Use it when a few surprising results must not move a ranking much, or when tiers are wanted beside the order
(`potential` in the leaderboard). With `within_levels` `equal` a comparison of two LLMs of one level counts as a wrong
answer in `accuracy`. Not for probabilities of winning: take `bradley_terry_scoring`.

Source: Gupte, Shankar, Li, Muthukrishnan and Iftode, "Finding hierarchy in directed online social networks", WWW 2011
(there called agony); solved with HiGHS (Huangfu and Hall, "Parallelizing the dual revised simplex method", 2018).
"""

from __future__ import annotations

from typing import Literal

from runner.builders.routing._fields.router_fields import PromptBlindSpec, least_occurrences_option, summary_option
from runner.contract import option
from runner.tasks import ranking

TASK = ranking.TASK
REQUIRES = ("numpy", "safetensors", "scipy")


class Spec(PromptBlindSpec):
    """Min-cost max-flow."""

    model_type: Literal["mcmf_scoring"] = option(
        description="One score per LLM from the potentials of a min-cost max-flow of wins; blind to the prompt."
    )
    min_model_occurrences: int = least_occurrences_option()
    within_levels: Literal["least_squares", "equal"] = option(
        "least_squares",
        description="How LLMs of one potential stand: told apart by the least squares of their win rates, by at most "
        "a quarter of a step, or at one score.",
    )
    print_summary: bool = summary_option()
