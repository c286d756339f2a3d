"""Training of a network that predicts the response and one that scores it."""

from __future__ import annotations

import numpy as np
import torch

from runner.builders.routing._neural.embedding_router import Inputs, Stored, trunk_shape
from runner.builders.routing._neural.rank_losses import decided_rows, epoch_rows, ranking_loss
from runner.builders.routing._neural.rank_training import Scorer, accuracy, fit_and_conclude
from runner.builders.routing._neural.response_embeddings import Responses, likenesses
from runner.builders.routing._neural.response_network import ResponseScorer, likeness
from runner.builders.routing.response_predictive import Spec
from runner.contract import TrainContext, TrainResult
from runner.data.comparisons import A, B
from runner.training.loop import Trainee, read_optimizer
from runner.training.optimizers import make


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Rank and predict together; gradients are clipped at norm 1; the epoch of the best accuracy is kept."""
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
    network = ResponseScorer(inputs.sizes, **shape, residual=inputs.base is not None)
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
        section=spec,
        clip_gradient=1.0,
        start_optimizer=read_optimizer(context.start_from) if context.start_from else None,
    )
    result, temperature = fit_and_conclude(context, task, scorer, inputs.prompts.embeddings)
    result.metrics |= likenesses(network, inputs, validation, held, responses.mean)
    inputs.save(context.artifact, network, shape, temperature)
    return result
