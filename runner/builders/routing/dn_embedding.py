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

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from runner.builders.routing._neural.embedding_kind import EmbeddingKindPredictor, EmbeddingKindSpec
from runner.contract import TrainContext, TrainResult, option
from runner.tasks import ranking
from runner.training.optimizers import make

if TYPE_CHECKING:
    from runner.builders.routing._neural.embedding_networks import EmbeddingScorer

TASK = ranking.TASK
REQUIRES = ("torch", "transformers", "safetensors", "numpy")


class Spec(EmbeddingKindSpec):
    """Dense network on an embedding of the LLMs."""

    model_type: Literal["dn_embedding"] = option(
        description="A dense network on the prompt's embedding and features and a learned embedding of the LLM."
    )


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Rank the decided comparisons; gradients are clipped at norm 1; the epoch of the best accuracy is kept."""
    import torch

    from runner.builders.routing._neural.embedding_router import Inputs, Stored, trunk_shape
    from runner.builders.routing._neural.rank_losses import decided_rows
    from runner.builders.routing._neural.rank_training import Scorer, fit_and_conclude, ranking_task

    decided = decided_rows(context.data.train)
    start = Stored(context.start_from) if context.start_from else None
    inputs = Inputs.gather(spec, context, start)
    shape = trunk_shape(spec) | {"bounded": spec.ranking_loss_type == "margin_ranking"}
    torch.manual_seed(context.seed)
    network = _network(shape, inputs.sizes, residual=inputs.base is not None)
    if start is not None:
        start.load_into(network)
    else:
        inputs.standardize(network.trunk, context)
    network.to(context.device)

    scorer = Scorer(network, lambda which, llms: network(*inputs.pair(which, llms)), context.device, inputs.base_scores)
    task = ranking_task(
        context,
        scorer,
        make(spec.optimizer, network.named_parameters()),
        decided,
        loss=spec.ranking_loss_type,
        balanced=spec.balance_model_samples,
        clip_gradient=1.0,
    )
    result, temperature = fit_and_conclude(context, task, scorer)
    inputs.save(context.artifact, network, shape, temperature)
    return result


def _network(shape: Mapping[str, Any], sizes: tuple[int, int, int], residual: bool = False) -> EmbeddingScorer:
    from runner.builders.routing._neural.embedding_networks import EmbeddingScorer

    return EmbeddingScorer(sizes, **shape, residual=residual)


class Predictor(EmbeddingKindPredictor):
    """The stored network with its own copies of all that it stands on."""

    network = staticmethod(_network)
