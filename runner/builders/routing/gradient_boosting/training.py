"""Training of boosted trees for scores."""

from __future__ import annotations

import numpy as np

from runner.builders.routing._boosting.boosting_inputs import importance
from runner.builders.routing._boosting.boosting_model import Gathered, Stored
from runner.builders.routing._boosting.rounds import Rows, balance, fit, pairwise
from runner.builders.routing._neural.rank_losses import decided_rows, winners
from runner.builders.routing._neural.residual import BaseModel
from runner.builders.routing._prompts.prompted_result import conclude
from runner.builders.routing.gradient_boosting import Spec
from runner.contract import TrainContext, TrainResult
from runner.tasks.ranking.measuring import pairwise_accuracy


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Boost on the decided comparisons; the round of the best validation accuracy is kept."""
    split, validation = context.data.train, context.data.validation
    decided = decided_rows(split)
    start = Stored.read(context.start_from) if context.start_from else None
    gathered = Gathered.of(spec, context, start)
    base = BaseModel.of(context)
    odds = (
        base.table(context.data, context.emit)
        if base
        else np.zeros((len(split.models), len(split.prompts)), np.float32)
    )

    prompt, winner, loser = (column.numpy() for column in winners(split, decided, "cpu"))
    pairs, row = gathered.pairs(np.concatenate([prompt, prompt]), np.concatenate([winner, loser]))
    held, side = gathered.pairs(
        np.concatenate([validation.prompt, validation.prompt]),
        np.concatenate([validation.model_a, validation.model_b]),
    )
    weights = balance(winner, loser, spec.balance_model_samples)

    def measure(scores: np.ndarray) -> dict[str, float | None]:
        a, b = scores[side].reshape(2, -1)
        return {"accuracy": pairwise_accuracy(a, b, validation)}

    done = fit(
        spec,
        context,
        Rows(pairs.rows(gathered.prompts, gathered.llms), odds[pairs.llm, pairs.prompt]),
        Rows(held.rows(gathered.prompts, gathered.llms), odds[held.llm, held.prompt]),
        pairwise(spec.ranking_loss_type, row[: len(decided)], row[len(decided) :], len(pairs), weights),
        len(decided),
        measure,
        "accuracy",
        start.booster if start else None,
    )
    trees = gathered.scorer(done.booster)

    def score(prompt: np.ndarray, llm: np.ndarray) -> np.ndarray:
        return trees(prompt, llm) + odds[llm, prompt]

    result, temperature = conclude(context, score, done.rounds, done.best_round, embeddings=gathered.embeddings)
    result.metrics["n_trees"] = done.booster.num_boosted_rounds()
    result.tables["importance"] = importance(gathered.inputs, done.booster)
    gathered.save(context.artifact, done.booster, {"temperature": temperature})
    if base is not None:
        base.save(context.artifact)
    return result
