"""A score per prompt and LLM by way of the response: its embedding is predicted first, and then scored with the prompt.

A network like that of `dn_embedding` predicts, from prompt embedding, prompt features and LLM vector, the embedding r
that the LLM's response will have: `r = unit(W h + share * prompt embedding + mean)`. A second one scores [prompt; r],
and the score has no other way to the LLM. Both are trained together, on the ranking loss of the decided comparisons
plus `response_loss_weight * (1 - cos(r, real response))` over both sides of every comparison, ties too. The metrics say
whether the prediction is worth anything: `response_cosine` on held-out responses, beside `response_cosine_of_mean` and
`response_cosine_of_prompt`, what the training's mean response and the prompt itself have when taken for the response.

Use it when responses are at hand and what an LLM says tells more than that it won, or to see how far responses can be
foreseen. It is experimental: where only the ranking counts, `dn_embedding` learns the same with fewer steps.

Source: the idea of predicting a response's representation for routing; the losses are those of `dn_embedding` and the
cosine embedding loss of metric learning.
"""

from __future__ import annotations

from typing import Literal

from runner.builders.routing._fields.embedding_kind import EmbeddingKindSpec, Size
from runner.contract import option
from runner.tasks import ranking

TASK = ranking.TASK
REQUIRES = ("torch", "transformers", "safetensors", "numpy")


class Spec(EmbeddingKindSpec):
    """Prediction of the response, and a score of it."""

    model_type: Literal["response_predictive"] = option(
        description="A network that predicts the embedding of an LLM's response, and one that scores it."
    )
    scorer_hidden_dims: list[Size] = option(
        factory=lambda: [128, 64],
        min_length=1,
        max_length=32,
        description="Width of the hidden layers that score [prompt; predicted response]; hidden_dims predict it.",
    )
    response_loss_weight: float = option(
        1.0, ge=0, description="Weight of 1 - cosine(predicted, real response) beside the ranking loss."
    )
