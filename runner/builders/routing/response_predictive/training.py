"""Training of an encoder of responses, a predictor of what it gives, and a scorer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from runner.builders.routing._llms.llm_map import llm_map
from runner.builders.routing._neural.embedding_router import Inputs, Stored
from runner.builders.routing._neural.rank_losses import decided_rows, epoch_rows, ranking_loss
from runner.builders.routing._neural.rank_training import Scorer, accuracy, fit_and_conclude, leads_of
from runner.builders.routing._neural.response_embeddings import N_FEATURES, Responses, likenesses, mean_vector
from runner.builders.routing._neural.response_losses import (
    NORMAL,
    between,
    consistency,
    prediction,
    to_standard_normal,
    warmth,
)
from runner.builders.routing._neural.response_network import ResponseNetwork
from runner.builders.routing._prompts.choosing_training import Training
from runner.builders.routing._prompts.score_spread import score_spread
from runner.builders.routing.response_predictive import Spec
from runner.builders.routing.response_predictive.predictor import Predictor
from runner.contract import TrainContext, TrainResult
from runner.data.comparisons import A, B
from runner.tasks.ranking.input_importance import of_ranking, trained_importance
from runner.training.optimizer_state import read_optimizer
from runner.training.optimizers import make
from runner.training.trainee import Trainee


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Rank and predict together; gradients are clipped at norm 1; the epoch of the best accuracy is kept."""
    decided_rows(context.data.train)
    start = Stored(context.start_from) if context.start_from else None
    inputs = Inputs.gather(spec, context, start)
    training = Training.of(spec, context, leads_of(lambda spec, context: _begin(spec, context, inputs, start)[:2]))
    task, scorer, foretold = _begin(training.spec, training.context, inputs, start)
    result, temperature = fit_and_conclude(training, task, scorer, inputs.prompts.embeddings)
    result.metrics |= foretold()
    inputs.save(context.artifact, scorer.module, shape_of(training.spec), temperature)
    result.tables |= llm_map(inputs.llms.names, inputs.llms.vectors)
    result.tables |= trained_importance(
        spec.importance_repeats, context, Predictor.load, of_ranking(context.data.validation)
    )
    return result


def _begin(
    spec: Spec, context: TrainContext, inputs: Inputs, start: Stored | None
) -> tuple[Trainee, Scorer, Callable[[], dict[str, float | None]]]:
    """What is trained, its scores, and how well it foretells held-out responses."""
    split, validation = context.data.train, context.data.validation
    responses = Responses.of(context, split, inputs)
    held = Responses.of(context, validation, inputs, responses.scale)
    winner = torch.from_numpy(split.winner.astype(np.int64)).to(context.device)
    torch.manual_seed(context.seed)
    network = ResponseNetwork(inputs.sizes, **shape_of(spec), residual=inputs.base is not None)
    if start is not None:
        start.load_into(network)
    else:
        inputs.standardize(network.trunk, context)
        network.encoder.scale.fit(responses.embeddings[responses.text].cpu())
    network.to(context.device)

    scorer = Scorer(network, lambda which, llms: network(*inputs.pair(which, llms)), context.device, inputs.base_scores)
    warmup_steps = spec.warmup_epochs * -(-len(split) // max(1, context.batch_size))

    def rank(scores: torch.Tensor, decided: torch.Tensor, a_won: torch.Tensor) -> torch.Tensor:
        """The ranking loss of the decided comparisons, from the scores of both sides, ``[2B]``."""
        of_a, of_b = (side[decided] for side in scores.chunk(2))
        return ranking_loss(spec.ranking_loss_type, torch.where(a_won, of_a, of_b), torch.where(a_won, of_b, of_a))

    def loss(rows: torch.Tensor) -> torch.Tensor:
        both = torch.cat([rows, rows + len(split)])
        prompt, llm = responses.prompt[both], responses.llm[both]
        pair = inputs.pair(prompt, llm)
        real, predicted = network.encode(*responses.read(both)), network.predict(*pair)
        of_real, of_predicted = network.score(*pair[:2], real), network.score(*pair[:2], predicted)
        whole = (
            prediction(predicted, real, spec.prediction_loss_weight)
            + NORMAL * to_standard_normal(real)
            + spec.score_consistency_loss_weight * consistency(of_predicted, of_real)
            + spec.repr_dist_kl_loss_weight * between(predicted, real)
        )
        weight = warmth(int(network.steps), warmup_steps) if warmup_steps else 1.0
        network.steps += 1
        decided = winner[rows] <= B
        if not bool(decided.any()):
            return whole
        a_won = (winner[rows] == A)[decided]
        by_real, by_predicted = (
            rank(scorer.upon_base(scores, prompt, llm), decided, a_won) for scores in (of_real, of_predicted)
        )
        return whole + by_real + weight * by_predicted

    def foretold() -> dict[str, float | None]:
        return likenesses(network, inputs, validation, held, mean_vector(network, responses))

    task = Trainee(
        module=network,
        optimizer=make(spec.optimizer, network.named_parameters()),
        order=epoch_rows(split, np.arange(len(split)), spec.balance_model_samples),
        loss=loss,
        measure=lambda: dict(accuracy(context, scorer)) | foretold(),
        section=spec,
        spread=lambda: score_spread(scorer.score, context),
        clip_gradient=1.0,
        start_optimizer=read_optimizer(context.start_from) if context.start_from else None,
    )
    return task, scorer, foretold


def shape_of(spec: Spec) -> dict[str, Any]:
    """How the spec wants :class:`ResponseNetwork`, by its parameters' names."""
    return {
        "response_features": N_FEATURES,
        "vector": spec.response_repr_dim,
        "encoder_hidden": spec.encoder_hidden_dims,
        "predictor_hidden": spec.predictor_hidden_dims,
        "predictor_projection": spec.predictor_input_proj_dim,
        "scorer_hidden": spec.scorer_hidden_dims,
        "scorer_projection": spec.scorer_input_proj_dim,
        "dropout": spec.dropout,
        "skip": spec.use_skip_connections,
        "bounded": spec.ranking_loss_type == "margin_ranking",
    }
