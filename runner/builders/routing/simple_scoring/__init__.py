"""One score per LLM, learnt by gradient descent on a margin ranking loss.

A decided comparison costs `max(0, 0.1 - (s_winner - s_loser))`. A tie costs `max(0, tie_both_bad_epsilon - s)` for
both LLMs and a both_bad `max(0, tie_both_bad_epsilon + s)`, weighted by `non_ranking_loss_coeff`: a score above 0
says that an answer tends to be good. The loss is averaged over a batch; with `balance_model_samples` batches are
drawn with replacement, comparisons of rarer LLMs more often. The epoch of the best validation accuracy is kept.
Intervals come from samples redrawn by prompt and trained alike, in a bounded number of steps where the data is large.

Use it when ties and both_bad should say which LLMs are good at all, not only which are better, or as the plain
counterpart of the routers that read the prompt, which learn by the same loss. A margin, unlike a likelihood, stops
caring about pairs that are far enough apart: for probabilities take `bradley_terry_scoring`.

Source: Herbrich, Graepel and Obermayer, "Large margin rank boundaries for ordinal regression", 2000, with one
parameter an LLM.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from runner.builders.routing._fields.router_fields import PromptBlindSpec, least_occurrences_option
from runner.contract import option
from runner.tasks import ranking
from runner.training.optimizers import OptimizerSpec

TASK = ranking.TASK
REQUIRES = ("numpy", "safetensors", "torch")


class Spec(PromptBlindSpec):
    """A learnt score per LLM."""

    uses_epochs: ClassVar[bool] = True
    uses_batch_size: ClassVar[bool] = True

    model_type: Literal["simple_scoring"] = option(
        description="One learnt score per LLM (margin ranking loss, margin 0.1); blind to the prompt."
    )
    optimizer: OptimizerSpec = option(description="How the scores are learnt: adam, adamw or muon.")
    balance_model_samples: bool = option(
        True,
        description="Whether an epoch draws comparisons with replacement, weighted by the inverse frequency of the "
        "rarer LLM, rather than going through each once.",
    )
    tie_both_bad_epsilon: float = option(
        0.01, ge=0, description="A tie pushes both scores above this, a both_bad below minus this."
    )
    non_ranking_loss_coeff: float = option(
        0.01, ge=0, description="Weight of the losses of ties and of both_bad beside the ranking loss."
    )
    min_model_occurrences: int = least_occurrences_option()
