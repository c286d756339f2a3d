"""Training of factors."""

from __future__ import annotations

import json

import torch

from runner.builders.routing._llms.llm_map import llm_map
from runner.builders.routing._neural.factors import Factors
from runner.builders.routing._neural.grown_weights import continued
from runner.builders.routing._neural.rank_losses import decided_rows
from runner.builders.routing._neural.rank_training import Scorer, fit_and_conclude, leads_of, ranking_task
from runner.builders.routing._prompts.choosing_training import Training
from runner.builders.routing._prompts.prompt_inputs import TrainingPrompts
from runner.builders.routing.matrix_factorization import Spec
from runner.builders.routing.matrix_factorization.predictor import Predictor
from runner.builders.routing.matrix_factorization.stored import StoredFactors
from runner.contract import TrainContext, TrainResult
from runner.errors import DataError
from runner.store.tensors import write_tensors
from runner.tasks.ranking.input_importance import of_ranking, trained_importance
from runner.training.optimizers import make
from runner.training.trainee import Trainee


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Bradley-Terry loss on decided comparisons; the epoch of the best validation accuracy is kept."""
    split = context.data.train
    decided_rows(split)
    start = StoredFactors.read(context.start_from) if context.start_from else None
    known = TrainingPrompts.of(context, spec.embedding_model_name)
    prompts = torch.from_numpy(known.embeddings).to(context.device)
    width = prompts.shape[1]
    if not spec.text_projection and spec.embedding_dim != width:
        raise DataError(
            f"without a projection LLM vectors are as long as prompt embeddings: {width}, not {spec.embedding_dim}",
            where="/model/spec/embedding_dim",
            hint=f"set embedding_dim to {width}, or text_projection to true",
        )

    names = tuple(dict.fromkeys((*split.models, *(start.names if start else ()))))

    def begin(spec: Spec, context: TrainContext) -> tuple[Trainee, Scorer]:
        torch.manual_seed(context.seed)
        network = Factors(width, len(names), spec.embedding_dim, spec.text_projection, spec.noise)
        if start is not None:
            both = [(row, start.names.index(name)) for row, name in enumerate(names) if name in set(start.names)]
            rows = {"model_embedding.weight": ([new for new, _ in both], [old for _, old in both])}
            network.load_state_dict(continued(network.state_dict(), start.tensors, rows))
        network.to(context.device)
        scorer = Scorer(network, lambda which, llms: network(prompts[which], llms), context.device)
        task = ranking_task(
            context,
            scorer,
            make(spec.optimizer, network.named_parameters()),
            decided_rows(context.data.train),
            loss="bradley_terry",
            balanced=spec.balance_model_samples,
            section=spec,
        )
        return task, scorer

    training = Training.of(spec, context, leads_of(begin))
    spec = training.spec
    task, scorer = begin(spec, training.context)
    network = scorer.module
    if task.start_optimizer is not None and start is not None and start.names != names:
        # Its moments are of rows that stand for other LLMs now.
        task.start_optimizer = task.start_optimizer.without("model_embedding.weight")
    result, temperature = fit_and_conclude(training, task, scorer, known.embeddings)

    document = {"format": 1, "models": list(names), "temperature": temperature, "noise": spec.noise}
    (context.artifact / "model.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    write_tensors(context.artifact / "network.safetensors", network.state_dict())
    known.save(context.artifact)
    result.tables |= llm_map(names, network.state_dict()["model_embedding.weight"].cpu().numpy())
    result.tables |= trained_importance(
        spec.importance_repeats, context, Predictor.load, of_ranking(context.data.validation)
    )
    return result
