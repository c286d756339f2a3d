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

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from runner.builders.routing._neural.embedding_kind import EmbeddingKindPredictor, EmbeddingKindSpec, Size
from runner.contract import TrainContext, TrainResult, option
from runner.tasks import ranking
from runner.training.optimizers import make

if TYPE_CHECKING:
    from runner.builders.routing._neural.response_network import ResponseScorer

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


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Rank and predict together; gradients are clipped at norm 1; the epoch of the best accuracy is kept."""
    import numpy as np
    import torch

    from runner.builders.routing._neural.embedding_router import Inputs, Stored, trunk_shape
    from runner.builders.routing._neural.rank_losses import decided_rows, epoch_rows, ranking_loss
    from runner.builders.routing._neural.rank_training import Scorer, accuracy, fit_and_conclude
    from runner.builders.routing._neural.response_embeddings import Responses, likenesses
    from runner.builders.routing._neural.response_network import likeness
    from runner.data.comparisons import A, B
    from runner.training.loop import Trainee, read_optimizer

    split, validation = context.data.train, context.data.validation
    decided_rows(split)
    start = Stored(context.start_from) if context.start_from else None
    inputs = Inputs.gather(spec, context, start)
    responses, held = Responses.of(context, split, inputs), Responses.of(context, validation, inputs)
    shape = trunk_shape(spec) | {
        "scorer_hidden": spec.scorer_hidden_dims,
        "bounded": spec.ranking_loss_type == "margin_ranking",
    }
    prompt, a, b, winner = (
        torch.from_numpy(column.astype(np.int64)).to(context.device)
        for column in (split.prompt, split.model_a, split.model_b, split.winner)
    )
    torch.manual_seed(context.seed)
    network = _network(shape, inputs.sizes, residual=inputs.base is not None)
    if start is not None:
        start.load_into(network)
    else:
        inputs.standardize(network.trunk, context)
        both = torch.cat([responses.a, responses.b])
        network.start_from(inputs.embeddings[prompt.repeat(2)].cpu(), responses.vectors[both].cpu())
    network.to(context.device)

    scorer = Scorer(
        network, lambda which, llms: network(*inputs.pair(which, llms))[0], context.device, inputs.base_scores
    )

    def loss(rows: torch.Tensor) -> torch.Tensor:
        which, llms = prompt[rows].repeat(2), torch.cat([a[rows], b[rows]])
        scores, predicted = network(*inputs.pair(which, llms))
        real = responses.vectors[torch.cat([responses.a[rows], responses.b[rows]])]
        whole = spec.response_loss_weight * (1.0 - likeness(predicted, real).mean())
        scores = scorer.upon_base(scores, which, llms)
        of_a, of_b = scores[: len(rows)], scores[len(rows) :]
        decided = winner[rows] <= B
        if not bool(decided.any()):
            return whole
        a_won = (winner[rows] == A)[decided]
        of_a, of_b = of_a[decided], of_b[decided]
        return whole + ranking_loss(
            spec.ranking_loss_type, torch.where(a_won, of_a, of_b), torch.where(a_won, of_b, of_a)
        )

    def measure() -> dict[str, float | None]:
        found = likenesses(network, inputs, validation, held, responses.mean)
        return dict(accuracy(context, scorer)) | {"response_cosine": found["response_cosine"]}

    task = Trainee(
        module=network,
        optimizer=make(spec.optimizer, network.named_parameters()),
        order=epoch_rows(split, np.arange(len(split)), spec.balance_model_samples),
        loss=loss,
        measure=measure,
        clip_gradient=1.0,
        start_optimizer=read_optimizer(context.start_from) if context.start_from else None,
    )
    result, temperature = fit_and_conclude(context, task, scorer)
    result.metrics |= likenesses(network, inputs, validation, held, responses.mean)
    inputs.save(context.artifact, network, shape, temperature)
    return result


def _network(shape: Mapping[str, Any], sizes: tuple[int, int, int], residual: bool = False) -> ResponseScorer:
    from runner.builders.routing._neural.response_network import ResponseScorer

    return ResponseScorer(sizes, **shape, residual=residual)


class Predictor(EmbeddingKindPredictor):
    """The stored networks with their own copies of all that they stand on."""

    network = staticmethod(_network)
