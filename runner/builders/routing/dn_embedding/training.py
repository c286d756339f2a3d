"""Training of a dense network on an embedding of the LLMs."""

from __future__ import annotations

from typing import Any

import torch

from runner.builders.routing._llms.llm_map import llm_map
from runner.builders.routing._neural.embedding_networks import EmbeddingScorer
from runner.builders.routing._neural.embedding_router import Inputs, Stored, trunk_shape
from runner.builders.routing._neural.rank_losses import decided_rows
from runner.builders.routing._neural.rank_training import Scorer, fit_and_conclude, leads_of, ranking_task
from runner.builders.routing._prompts.choosing_training import Training
from runner.builders.routing.dn_embedding import Spec
from runner.builders.routing.dn_embedding.predictor import Predictor
from runner.contract import TrainContext, TrainResult
from runner.tasks.ranking.input_importance import of_ranking, trained_importance
from runner.training.optimizers import make
from runner.training.trainee import Trainee


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Rank the decided comparisons; gradients are clipped at norm 1; the epoch of the best accuracy is kept."""
    decided_rows(context.data.train)
    start = Stored(context.start_from) if context.start_from else None
    inputs = Inputs.gather(spec, context, start)

    def begin(spec: Spec, context: TrainContext) -> tuple[Trainee, Scorer]:
        torch.manual_seed(context.seed)
        network = EmbeddingScorer(inputs.sizes, **shape_of(spec), residual=inputs.base is not None)
        if start is not None:
            start.load_into(network)
        else:
            inputs.standardize(network.trunk, context)
        network.to(context.device)
        scorer = Scorer(
            network, lambda which, llms: network(*inputs.pair(which, llms)), context.device, inputs.base_scores
        )
        task = ranking_task(
            context,
            scorer,
            make(spec.optimizer, network.named_parameters()),
            decided_rows(context.data.train),
            loss=spec.ranking_loss_type,
            balanced=spec.balance_model_samples,
            section=spec,
            clip_gradient=1.0,
        )
        return task, scorer

    training = Training.of(spec, context, leads_of(begin))
    task, scorer = begin(training.spec, training.context)
    result, temperature = fit_and_conclude(training, task, scorer, inputs.prompts.embeddings)
    inputs.save(context.artifact, scorer.module, shape_of(training.spec), temperature)
    result.tables |= llm_map(inputs.llms.names, inputs.llms.vectors)
    result.tables |= trained_importance(
        spec.importance_repeats, context, Predictor.load, of_ranking(context.data.validation)
    )
    return result


def shape_of(spec: Spec) -> dict[str, Any]:
    """How the spec wants :class:`EmbeddingScorer`, by its parameters' names."""
    return trunk_shape(spec) | {"bounded": spec.ranking_loss_type == "margin_ranking"}
