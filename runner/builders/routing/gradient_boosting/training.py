"""Training of boosted trees for scores."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from runner.builders.routing._boosting.boosting_inputs import importance
from runner.builders.routing._boosting.boosting_model import Gathered, Stored
from runner.builders.routing._boosting.rounds import Boosted, Rows, balance, fit, pairwise
from runner.builders.routing._llms.llm_map import llm_map
from runner.builders.routing._neural.rank_losses import decided_rows, winners
from runner.builders.routing._neural.residual import BaseModel
from runner.builders.routing._prompts.choosing_training import Training
from runner.builders.routing._prompts.prompted_result import conclude
from runner.builders.routing.gradient_boosting import Spec
from runner.builders.routing.gradient_boosting.predictor import Predictor
from runner.contract import TrainContext, TrainResult
from runner.tasks.ranking.calibration import winner_margins
from runner.tasks.ranking.input_importance import of_ranking, trained_importance
from runner.tasks.ranking.measuring import pairwise_accuracy

Measure = Callable[[np.ndarray, np.ndarray], dict[str, float | None]]


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Boost on the decided comparisons; the round of the best validation accuracy is kept."""
    split = context.data.train
    decided_rows(split)
    start = Stored.read(context.start_from) if context.start_from else None
    gathered = Gathered.of(spec, context, start)
    base = BaseModel.of(context)
    odds = (
        base.table(context.data, context.emit)
        if base
        else np.zeros((len(split.models), len(split.prompts)), np.float32)
    )

    def boost(spec: Spec, context: TrainContext, measure: Measure, criterion: str) -> Boosted:
        """``measure`` has the scores of the two sides of every held-out comparison after each round."""
        split, validation = context.data.train, context.data.validation
        decided = decided_rows(split)
        prompt, winner, loser = (column.numpy() for column in winners(split, decided, "cpu"))
        pairs, row = gathered.pairs(np.concatenate([prompt, prompt]), np.concatenate([winner, loser]))
        held, side = gathered.pairs(
            np.concatenate([validation.prompt, validation.prompt]),
            np.concatenate([validation.model_a, validation.model_b]),
        )
        weights = balance(winner, loser, spec.balance_model_samples)
        return fit(
            spec,
            context,
            Rows(pairs.rows(gathered.prompts, gathered.llms), odds[pairs.llm, pairs.prompt]),
            Rows(held.rows(gathered.prompts, gathered.llms), odds[held.llm, held.prompt]),
            pairwise(spec.ranking_loss_type, row[: len(decided)], row[len(decided) :], len(pairs), weights),
            len(decided),
            lambda scores: measure(*scores[side].reshape(2, -1)),
            criterion,
            start.booster if start else None,
        )

    def leads(spec: Spec, context: TrainContext) -> np.ndarray:
        found: list[np.ndarray] = []

        def measure(a: np.ndarray, b: np.ndarray) -> dict[str, float | None]:
            found.append(winner_margins(a, b, context.data.validation))
            return {}

        boost(spec, context, measure, "")
        return np.stack(found)

    def accuracy(a: np.ndarray, b: np.ndarray) -> dict[str, float | None]:
        return {"accuracy": pairwise_accuracy(a, b, context.data.validation)}

    training = Training.of(spec, context, leads)
    done = boost(training.spec, training.context, accuracy, training.criterion)
    trees = gathered.scorer(done.booster)

    def score(prompt: np.ndarray, llm: np.ndarray) -> np.ndarray:
        return trees(prompt, llm) + odds[llm, prompt]

    result, temperature = conclude(
        context,
        score,
        done.rounds,
        done.best_round,
        embeddings=gathered.embeddings,
        fitted=training.temperature,
    )
    training.told(result)
    result.metrics["n_trees"] = done.booster.num_boosted_rounds()
    result.tables["importance"] = importance(gathered.inputs, done.booster)
    if gathered.embedding is not None:
        result.tables |= llm_map(gathered.embedding.names, gathered.embedding.vectors)
    gathered.save(context.artifact, done.booster, {"temperature": temperature})
    if base is not None:
        base.save(context.artifact)
    result.tables |= trained_importance(
        spec.importance_repeats, context, Predictor.load, of_ranking(context.data.validation)
    )
    return result
