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

from typing import Literal

from runner.builders.routing._fields.router_fields import PromptBlindSpec, least_occurrences_option
from runner.contract import option
from runner.tasks import ranking

TASK = ranking.TASK
REQUIRES = ("numpy", "safetensors", "scipy")


class Spec(PromptBlindSpec):
    """Bradley-Terry."""

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
    min_model_occurrences: int = least_occurrences_option()
