"""One score per LLM: its place in the order of net wins.

An LLM's net wins are `wins - losses` over all its decided comparisons; a tie or a both_bad counts for nothing. The
highest net wins have rank 1. LLMs of equal net wins share the mean of the places that they take together, so that no
alphabet decides between them: two at the top are both 1.5. `score_normalization` says what is stored of a rank among
`n` LLMs: `-rank` (`negative_rank`), `(n - rank) / n` (`normalized`) or `-(rank - (n + 1) / 2)` (`centered`). The
order is a heuristic for the minimum feedback arc set, the order that contradicts the fewest comparisons; the metrics
tell how many this one contradicts (`upsets`, between equals the lesser side's wins), and what no order can avoid
(`upsets_at_least`). Intervals come from comparisons redrawn by prompt.

Use it when an order is all that is wanted, at once and on any data: it has no parameters to fit and cannot fail to
converge. Not when LLMs met opponents of different strength or played different numbers of comparisons, which net wins
do not correct for (take `bradley_terry_scoring`), and not when the distance between two scores has to mean something.
The signs of the scores mean something with `centered` alone, and with them `tie_accuracy` and `both_bad_accuracy`.

Source: Coppersmith, Fleischer and Rudra, "Ordering by weighted number of wins gives a good ranking for weighted
tournaments", SODA 2006.
"""

from __future__ import annotations

from typing import Literal

from runner.builders.routing._fields.router_fields import PromptBlindSpec, least_occurrences_option, summary_option
from runner.contract import option
from runner.tasks import ranking

TASK = ranking.TASK
REQUIRES = ("numpy", "safetensors", "scipy")


class Spec(PromptBlindSpec):
    """Ranks by net wins."""

    model_type: Literal["greedy_ranking"] = option(
        description="One score per LLM from its rank by net wins (wins less losses); blind to the prompt."
    )
    score_normalization: Literal["negative_rank", "normalized", "centered"] = option(
        "negative_rank",
        description="The score of a rank among n LLMs: -rank, (n - rank) / n, or -(rank - (n + 1) / 2).",
    )
    min_model_occurrences: int = least_occurrences_option()
    print_summary: bool = summary_option()
