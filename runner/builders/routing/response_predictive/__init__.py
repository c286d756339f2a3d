"""A score per prompt and LLM by way of the response: its representation is predicted, then scored with the prompt.

Three networks learn together. An encoder maps a real response, its embedding and 32 features of how it is written, to a
vector of `response_repr_dim` numbers. A predictor, a network like that of `dn_embedding`, maps prompt embedding, prompt
features and LLM vector to the vector that the LLM's response is expected to have. A scorer scores [prompt; vector].
A pair of prompt and LLM is scored by its predicted vector, and the score has no other way to the LLM.

The loss of a batch of comparisons is the ranking loss (`ranking_loss_type`) on the scores of the real vectors, plus `w`
times the ranking loss on those of the predicted ones, where `w` rises from 0 to 1, step by step, over `warmup_epochs`;
plus `prediction_loss_weight` times the mean squared error of the predicted vectors against the real ones, which stay;
plus 0.2 times the same with the predicted ones staying, so that responses are represented by what can be predicted;
plus 0.01 times the divergence of the batch's real vectors from a standard normal distribution; plus
`score_consistency_loss_weight` times the squared error of the predicted vectors' scores against those of the real ones,
which stay; plus `repr_dist_kl_loss_weight` times the divergence of the batch's predicted vectors from its real ones, as
normal distributions. Ties have no part in the ranking, and one in all the rest.

The metrics say whether the prediction is worth anything, on held-out responses: `response_cosine` of predicted and
real vectors, both less the training's mean vector, which has 0; and `accuracy_of_responses`, what the scorer reaches
where it sees the real responses.

`predictor_hidden_dims` and `scorer_hidden_dims` are smaller by default than the [512, 256] and [256, 128] of the system
that this kind's fields come from: with those the packaged sample is ranked with an accuracy of 0.921 in place of 0.941
(means of three splits, 20 epochs).

Use it when responses are at hand and what an LLM says tells more than that it won, or to see how far responses can be
foreseen. It is experimental: where only the ranking counts, `dn_embedding` learns the same with fewer steps.

Source: the idea of predicting a response's representation for routing; the divergences are those of Kingma and Welling,
"Auto-Encoding Variational Bayes", 2014.
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
        description="Networks that represent responses, predict the one that an LLM will give, and score it."
    )
    response_repr_dim: Size = option(128, description="Length of a response's vector.")
    encoder_hidden_dims: list[Size] = option(
        factory=lambda: [256],
        min_length=1,
        max_length=32,
        description="Width of the hidden layers that read a real response, its embedding and features.",
    )
    predictor_hidden_dims: list[Size] = option(
        factory=lambda: [256, 128, 64],
        min_length=1,
        max_length=32,
        older=("hidden_dims",),
        description="Width of the hidden layers that predict the vector from prompt and LLM.",
    )
    scorer_hidden_dims: list[Size] = option(
        factory=lambda: [128, 64],
        min_length=1,
        max_length=32,
        description="Width of the hidden layers that score [prompt; vector].",
    )
    predictor_input_proj_dim: Size = option(
        64,
        older=("input_proj_dim",),
        description="Length that each of the predictor's three inputs is projected to: prompt embedding, prompt "
        "features, LLM vector.",
    )
    scorer_input_proj_dim: Size = option(
        64,
        description="Length that each of the scorer's three inputs is projected to: prompt embedding, prompt features, "
        "response vector.",
    )
    prediction_loss_weight: float = option(
        1.0,
        ge=0,
        older=("response_loss_weight",),
        description="Weight of the squared error of predicted vectors against real ones.",
    )
    warmup_epochs: int = option(
        0,
        ge=0,
        description="Epochs over which the ranking loss by predicted vectors comes in, its weight rising from 0 to 1; "
        "0 has it whole from the first step.",
    )
    score_consistency_loss_weight: float = option(
        0.1, ge=0, description="Weight of the squared error of a predicted vector's score against the real one's."
    )
    repr_dist_kl_loss_weight: float = option(
        0.01,
        ge=0,
        description="Weight of the divergence of a batch's predicted vectors, as a distribution, from its real ones.",
    )
