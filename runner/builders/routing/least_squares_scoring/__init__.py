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

from typing import Literal

from runner.builders.routing._fields.router_fields import PromptBlindSpec, least_occurrences_option, summary_option
from runner.contract import option
from runner.tasks import ranking

TASK = ranking.TASK
REQUIRES = ("numpy", "safetensors", "scipy")


class Spec(PromptBlindSpec):
    """Least squares on win rates."""

    model_type: Literal["least_squares_scoring"] = option(
        description="One score per LLM by least squares on the win rates of every compared pair; blind to the prompt."
    )
    min_model_occurrences: int = least_occurrences_option()
    print_summary: bool = summary_option()
