"""Training of nearest prompts: embed, count, choose how many, measure, store."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np

from runner.builders.routing._neighbors.choosing_k import MOST_PROMPTS, choose_k, prompt_sample
from runner.builders.routing._neighbors.nearest import Cells, Vectors, searched_vectors
from runner.builders.routing._neighbors.neighbor_scores import Guarding, NeighborScores, Weighting
from runner.builders.routing._neighbors.outcomes import Outcomes
from runner.builders.routing._prompts.prompt_inputs import PromptEmbeddings
from runner.builders.routing._prompts.prompted_result import conclude
from runner.builders.routing._prompts.table_score import TableScore
from runner.builders.routing._ratings.agnostic import warn_start_ignored
from runner.builders.routing.knn_scoring import Guard, Spec
from runner.builders.routing.knn_scoring.predictor import MODEL, NEIGHBORS, Predictor
from runner.contract import TrainContext, TrainResult
from runner.errors import DataError
from runner.store.tensors import write_tensors
from runner.tasks.ranking.input_importance import of_ranking, trained_importance


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Look at every held-out prompt's neighbours; a training prompt is foretold from the others.

    Raises :class:`DataError` where ``k`` or the guard do not fit the data.
    """
    train = context.data.train
    warn_start_ignored(context, "knn_scoring")
    context.stop_here(0, {}, {})
    known = PromptEmbeddings.of(context, spec.embedding_model_name)
    searched, entry = searched_vectors(known.embeddings, train.prompt)
    if spec.k != "auto" and spec.k > len(searched):
        raise DataError(
            f"k is {spec.k}, and there are {len(searched)} different prompts to train on",
            where="/model/spec/k",
            hint=f"at most {len(searched)}, or auto",
        )
    cells = Cells.of(searched, context.seed) if len(searched) > spec.exact_up_to else None
    context.stop_here(0, {}, {})
    outcomes = Outcomes.of(train, entry, len(searched), spec.tie_outcome, spec.both_bad_outcome)
    weighting = (
        Weighting(spec.weighting) if isinstance(spec.weighting, str) else Weighting("softmax", spec.weighting.softmax)
    )
    scores = NeighborScores(
        Vectors(searched, cells, spec.probes),
        outcomes,
        1 if spec.k == "auto" else spec.k,
        weighting,
        spec.shrinkage,
        _guarding(spec.guard, train.models, outcomes),
    )
    if spec.k == "auto":
        scores = replace(scores, k=choose_k(scores, known.embeddings, entry, train, context.seed))
    context.stop_here(0, {}, {})

    score = TableScore(lambda prompts: scores(known.embeddings[prompts], entry[prompts]), len(train.prompts))
    # Every comparison of a large training split would be searched for, where a few thousand tell a temperature.
    result, temperature = conclude(
        context,
        score,
        fitted_on=prompt_sample(train, MOST_PROMPTS, context.seed),
        embeddings=known.embeddings,
    )
    result.parameters = {"k": scores.k}
    document: dict[str, Any] = {
        "format": 1,
        "models": list(train.models),
        "temperature": temperature,
        "k": scores.k,
        "weighting": {"name": weighting.name, "temperature": weighting.temperature},
        "shrinkage": spec.shrinkage,
        "probes": spec.probes,
    }
    if scores.guard is not None:
        default = train.models[scores.guard.default]
        document["guard"] = vars(scores.guard)
        result.parameters |= {"guard": {"default_model": default}}
        result.metrics |= {"default_share": _led_by(score, context, scores.guard.default)}
    (context.artifact / MODEL).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    tensors = {"embeddings": searched} | outcomes.tensors() | (cells.tensors() if cells else {})
    write_tensors(context.artifact / NEIGHBORS, tensors)
    known.save(context.artifact)
    result.tables |= trained_importance(
        spec.importance_repeats, context, Predictor.load, of_ranking(context.data.validation)
    )
    return result


def _guarding(guard: Guard | None, models: tuple[str, ...], outcomes: Outcomes) -> Guarding | None:
    if guard is None:
        return None
    if guard.default_model in models:
        default = models.index(guard.default_model)
    elif guard.default_model == "best":
        default = int(outcomes.mean.argmax())
    else:
        raise DataError(
            f"the training data has no LLM {guard.default_model!r}",
            where="/model/spec/guard/default_model",
            hint="best, or one of " + ", ".join(models[:8]) + (", ..." if len(models) > 8 else ""),
        )
    return Guarding(default, guard.min_standard_errors, guard.min_similarity, guard.min_neighbors)


def _led_by(score: TableScore, context: TrainContext, default: int) -> float | None:
    """On which share of the held-out prompts the default leads."""
    prompts = np.unique(context.data.validation.prompt)
    if not len(prompts):
        return None
    return float((score.table(prompts).argmax(axis=1) == default).mean())
