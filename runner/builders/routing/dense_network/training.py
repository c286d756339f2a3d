"""Training of a dense network with a vector per LLM."""

from __future__ import annotations

import json

import torch

from runner.builders.routing._llms.llm_map import llm_map
from runner.builders.routing._neural.prompt_networks import DenseScorer
from runner.builders.routing._neural.rank_losses import decided_rows
from runner.builders.routing._neural.rank_training import Scorer, fit_and_conclude, leads_of, ranking_task
from runner.builders.routing._prompts.choosing_training import Training
from runner.builders.routing._prompts.prompt_inputs import TrainingPrompts
from runner.builders.routing.dense_network import Spec
from runner.builders.routing.dense_network.predictor import Predictor
from runner.builders.routing.dense_network.stored import StoredDense
from runner.contract import TrainContext, TrainResult
from runner.store.tensors import write_tensors
from runner.tasks.ranking.input_importance import of_ranking, trained_importance
from runner.training.optimizers import make
from runner.training.trainee import Trainee


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Margin ranking loss (margin 0.1) on decided comparisons; the epoch of the best validation accuracy is kept."""
    split = context.data.train
    decided_rows(split)
    start = StoredDense.read(context.start_from) if context.start_from else None
    known = TrainingPrompts.of(
        context, spec.embedding_model_name, start.standardize if start else None, spec.prompt_features
    )
    prompts = torch.cat([torch.from_numpy(part) for part in (known.embeddings, known.features)], dim=1)
    prompts = prompts.to(context.device)

    names = tuple(dict.fromkeys((*split.models, *(start.names if start else ()))))

    def begin(spec: Spec, context: TrainContext) -> tuple[Trainee, Scorer]:
        torch.manual_seed(context.seed)
        network = DenseScorer(prompts.shape[1], len(names), spec.model_id_embedding_dim, spec.hidden_dims)
        if start is not None:
            start.copy_into(network, names)
        network.to(context.device)
        scorer = Scorer(network, lambda which, llms: network(prompts[which], llms), context.device)
        optimizer = make(spec.optimizer, network.named_parameters())
        decided = decided_rows(context.data.train)
        task = ranking_task(context, scorer, optimizer, decided, loss="margin_ranking", balanced=False, section=spec)
        return task, scorer

    training = Training.of(spec, context, leads_of(begin))
    spec = training.spec
    task, scorer = begin(spec, training.context)
    network = scorer.module
    if task.start_optimizer is not None and start is not None and start.names != names:
        # Its moments are of rows that stand for other LLMs now.
        task.start_optimizer = task.start_optimizer.without("model_embedding.weight")
    result, temperature = fit_and_conclude(training, task, scorer, known.embeddings)

    document = {
        "format": 1,
        "models": list(names),
        "temperature": temperature,
        "hidden_dims": spec.hidden_dims,
        "model_id_embedding_dim": spec.model_id_embedding_dim,
    } | known.standardize.as_json()
    (context.artifact / "model.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    write_tensors(context.artifact / "network.safetensors", network.state_dict())
    known.save(context.artifact)
    result.tables |= llm_map(names, network.state_dict()["model_embedding.weight"].cpu().numpy())
    result.tables |= trained_importance(
        spec.importance_repeats, context, Predictor.load, of_ranking(context.data.validation)
    )
    return result
