"""Training of linear maps: embed, choose, fit, measure, store."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from runner.builders.routing._linear.choosing_l2 import GRID, Choice, choose
from runner.builders.routing._linear.linear_fit import Games, LinearMap, fit_linear
from runner.builders.routing._linear.linear_inputs import LinearInputs
from runner.builders.routing._prompts.prompt_inputs import TrainingPrompts
from runner.builders.routing._prompts.prompted_result import conclude
from runner.builders.routing._prompts.table_score import TableScore
from runner.builders.routing._ratings.agnostic import warn_start_ignored
from runner.builders.routing.linear_scoring import Spec
from runner.builders.routing.linear_scoring.predictor import MAP, MODEL, Predictor
from runner.contract import TrainContext, TrainResult
from runner.errors import DataError
from runner.store.tensors import write_tensors
from runner.tasks.ranking.input_importance import of_ranking, trained_importance


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """The maps of the greatest penalised likelihood. Raises :class:`DataError` where nothing tells two LLMs apart."""
    train = context.data.train
    warn_start_ignored(context, "linear_scoring")

    def pause() -> None:
        context.stop_here(0, {}, {})

    pause()
    known = TrainingPrompts.of(context, spec.embedding_model_name)
    mine = np.unique(train.prompt)
    entry = np.full(len(train.prompts), -1, np.int64)
    entry[mine] = np.arange(len(mine))
    games = Games.of(train, entry, spec.half_wins != "none", spec.half_wins == "ties_and_both_bad")
    if not len(games.count):
        raise DataError(
            "the training split has no comparison to learn from",
            where="/model/spec/half_wins",
            hint="none of them has a winner: count ties, or use other data",
        )
    inputs = {False: LinearInputs.of(known.embeddings, None, mine)}
    if spec.prompt_features is not False:
        inputs[True] = LinearInputs.of(known.embeddings, known.features, mine)
    if spec.prompt_features is True:
        del inputs[False]
    rows = {str(reads): part.rows(mine) for reads, part in inputs.items()}
    grid = GRID if spec.l2 == "auto" else (float(spec.l2),)
    if len(rows) * len(grid) > 1:
        choice = choose(rows, games, grid, context.seed, pause)
    else:
        choice = Choice(next(iter(rows)), grid[0])
    chosen = inputs[choice.inputs == "True"]
    fitted = fit_linear(rows[choice.inputs], games, choice.l2, pause=pause)

    score = TableScore(lambda prompts: fitted(chosen.rows(prompts)), len(train.prompts))
    # What the likelihood was maximised of are log odds; on the training comparisons they look too small.
    result, temperature = conclude(context, score, embeddings=known.embeddings, fitted=1.0)
    result.parameters = {"l2": choice.l2, "prompt_features": chosen.features is not None}
    document: dict[str, Any] = {
        "format": 1,
        "models": list(train.models),
        "temperature": temperature,
        "l2": choice.l2,
    }
    if chosen.features is not None:
        document |= {
            "feature_mean": known.standardize.mean.tolist(),
            "feature_std": known.standardize.std.tolist(),
        }
    (context.artifact / MODEL).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    plain: LinearMap = chosen.unfold(fitted)
    write_tensors(context.artifact / MAP, {"weights": plain.weights, "bias": plain.bias})
    known.save(context.artifact)
    result.tables |= trained_importance(
        spec.importance_repeats, context, Predictor.load, of_ranking(context.data.validation)
    )
    return result
