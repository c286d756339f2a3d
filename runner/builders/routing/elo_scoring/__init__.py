"""One score per LLM: sequential Elo ratings, going over the comparisons in a new order each epoch.

Every rating starts at `initial_rating`. A comparison of `a` and `b` expects `a` to score
`1 / (1 + 10^((rating_b - rating_a) / 400))` and moves `a` by `k_factor * (actual - expected)`, `b` likewise; a win
counts 1, a loss 0. A tie and a both_bad count one half each, and a little more or less: `non_ranking_loss_coeff / 2`
is added for an LLM that tied below `initial_rating + tie_both_bad_epsilon`, and taken from one whose answer was
both_bad above `initial_rating - tie_both_bad_epsilon`, so that good and bad pairs of answers find their place on the
scale. Each epoch plays the comparisons in a new order; with `balance_model_samples` it draws them with replacement,
those of rarer LLMs more often. The ratings kept are those after the epoch that is most accurate on the held-out
comparisons, or after the last (`keep`). A score is the rating less `initial_rating`. Intervals come from samples
redrawn by prompt, which go on from the kept ratings where the data is large.

Use it when ratings must follow LLMs that change, or have to be understood by whoever knows chess ratings. The last
comparisons weigh most and `k_factor` sets the noise that never settles, so keeping the best epoch pays where LLMs stay
as they are, and `keep` `last` follows them where they change. For LLMs that stay, `bradley_terry_scoring` fits the same
model exactly, with tighter intervals.

Source: Elo, "The Rating of Chessplayers, Past and Present", 1978.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from runner.builders.routing._fields.router_fields import PromptBlindSpec, least_occurrences_option
from runner.contract import option
from runner.tasks import ranking

TASK = ranking.TASK
REQUIRES = ("numba", "numpy", "safetensors")


class Spec(PromptBlindSpec):
    """Elo."""

    uses_epochs: ClassVar[bool] = True

    model_type: Literal["elo_scoring"] = option(
        description="One score per LLM by sequential Elo updates (base 10, scale 400); blind to the prompt."
    )
    initial_rating: float = option(1500.0, description="Where every rating starts; a score is a rating less this.")
    k_factor: float = option(32.0, gt=0, description="The most that one comparison can move a rating.")
    balance_model_samples: bool = option(
        True,
        description="Whether an epoch draws comparisons with replacement, weighted by the inverse frequency of the "
        "rarer LLM, rather than going through each once.",
    )
    tie_both_bad_epsilon: float = option(
        100.0,
        ge=0,
        description="Rating points above initial_rating that a tie pulls both LLMs to, and below it for both_bad.",
    )
    non_ranking_loss_coeff: float = option(
        0.1, ge=0, description="Strength of that pull: half of it is added to, or taken from, a tie's one half."
    )
    keep: Literal["best", "last"] = option(
        "best",
        description="Whose ratings are kept: those after the epoch of the best accuracy on the held-out comparisons "
        "(the first of such epochs; the last epoch where nothing is held out), or those after the last epoch.",
    )
    min_model_occurrences: int = least_occurrences_option()
