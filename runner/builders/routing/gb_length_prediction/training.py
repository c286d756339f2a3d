"""Training of boosted trees for lengths."""

from __future__ import annotations

import numpy as np

from runner.builders.routing._boosting.boosting_inputs import Pairs, importance
from runner.builders.routing._boosting.boosting_model import Gathered, Stored
from runner.builders.routing._boosting.rounds import Rows, fit, squared
from runner.builders.routing._llms.llm_map import llm_map
from runner.builders.routing.gb_length_prediction import Spec
from runner.builders.routing.gb_length_prediction.predictor import Predictor
from runner.builders.routing.gb_length_prediction.stored import stored_scale
from runner.contract import TrainContext, TrainResult
from runner.tasks.length.length_importance import of_lengths
from runner.tasks.length.length_rows import LengthRows, TokenCounter, continued, split_rows
from runner.tasks.length.measuring import conclude, point_metrics
from runner.tasks.length.point_forecasts import forecast
from runner.tasks.ranking.input_importance import trained_importance
from runner.training.pretrained import resolve


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Squared error of standardised log lengths; the round of the best held-out ``log_r2`` is kept."""
    start = Stored.read(context.start_from) if context.start_from else None
    counter = TokenCounter.load(context.start_from or resolve(spec.embedding_model_name))
    rows, held, data_scale = split_rows(context.data.train, context.data.validation, counter)
    names, scale = context.data.train.models, data_scale
    if start is not None:
        names, scale = continued(data_scale, names, *stored_scale(start, context.start_from))
    gathered = Gathered.of(spec, context, start)

    def inputs(some: LengthRows) -> Rows:
        table = Pairs(some.prompt, some.model).rows(gathered.prompts, gathered.llms)
        return Rows(table, np.zeros(len(some), np.float32))

    def measure(values: np.ndarray) -> dict[str, float | None]:
        found = point_metrics(scale.tokens(values, held.model), held, data_scale)
        return {name: found[name] for name in ("log_r2", "relative_accuracy", "mae_tokens")}

    done = fit(
        spec,
        context,
        inputs(rows),
        inputs(held),
        squared(scale.targets(rows)),
        len(rows),
        measure,
        "log_r2",
        start.booster if start else None,
    )
    medians = scale.tokens(gathered.scorer(done.booster)(held.prompt, held.model), held.model)
    scale, predicted = forecast(scale, medians, held, context.data.validation.keys, spec.predict)
    result = conclude(context, rows, held, data_scale, predicted, done.rounds, done.best_round)
    result.metrics["n_trees"] = done.booster.num_boosted_rounds()
    result.tables["importance"] = importance(gathered.inputs, done.booster)
    if gathered.embedding is not None:
        result.tables |= llm_map(gathered.embedding.names, gathered.embedding.vectors)
    gathered.save(context.artifact, done.booster, {"models": list(names), "scale": scale.as_json()})
    counter.save(context.artifact)
    result.tables |= trained_importance(
        spec.importance_repeats, context, Predictor.load, of_lengths(context.data.validation, held)
    )
    return result
