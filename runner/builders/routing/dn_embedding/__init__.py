"""A score per prompt and LLM from the prompt's embedding and features and a vector that is learned of an LLM's answers.

An LLM is known by what it answers: an embedding of its (prompt, response) pairs (`embedding_spec`) is trained first.
Then prompt embedding, 45 prompt features and LLM vector are each projected to `input_proj_dim` numbers, joined, and
sent through blocks of Linear, LayerNorm, LeakyReLU(0.1) and dropout, with skip connections if wanted. With the loss
`margin_ranking` scores are in [-1, 1] and a winner should lead by 0.1, `max(0, 0.1 - (s_winner - s_loser))`; with
`bradley_terry` they are log odds, `-log sigmoid(s_winner - s_loser)`. With a `base_model` the network learns what that
model's log odds leave over: `score = base + residual`, and a new residual is 0 everywhere.

Use it when which LLM answers better depends on the prompt, or when LLMs come that were not there in training: `runner
infer --responses-of` scores them by their answers. With a few hundred comparisons `matrix_factorization` or a
prompt-agnostic rating is the safer choice, or this one with such a rating as its `base_model`.

Source: dense layers on sentence embeddings; Bradley and Terry (1952) and Burges et al. (2005) for the losses; He et al.
(2015) for the initialisation; the frozen LLM embedding by triplets after Schroff et al. (2015).
"""

from __future__ import annotations

from typing import Literal

from runner.builders.routing._fields.embedding_kind import DenseEmbeddingSpec
from runner.contract import option
from runner.tasks import ranking

TASK = ranking.TASK
REQUIRES = ("torch", "transformers", "safetensors", "numpy")


class Spec(DenseEmbeddingSpec):
    """Dense network on an embedding of the LLMs."""

    model_type: Literal["dn_embedding"] = option(
        description="A dense network on the prompt's embedding and features and a learned embedding of the LLM."
    )
    use_skip_connections: bool = option(
        False, description="Whether a layer's input is added to its output, projected where their widths differ."
    )
