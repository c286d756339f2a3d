"""Least squares on log lengths."""

from __future__ import annotations

import json

import numpy as np

from runner.builders.routing._fields.prompt_features import chosen
from runner.builders.routing._lengths.length_regression import fit
from runner.builders.routing._prompts.prompted import Standardizer, prompt_features
from runner.builders.routing._ratings.agnostic import warn_start_ignored
from runner.builders.routing.simple_length_prediction import Spec
from runner.contract import TrainContext, TrainResult
from runner.store.tensors import write_tensors
from runner.tasks.length.length_rows import TokenCounter, split_rows
from runner.tasks.length.measuring import conclude
from runner.tasks.length.point_forecasts import forecast
from runner.training.pretrained import resolve


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Count tokens, solve, measure, store."""
    warn_start_ignored(context, "simple_length_prediction")
    context.stop_here(0, {}, {})
    names = context.data.train.models
    counter = TokenCounter.load(resolve(spec.embedding_model_name))
    rows, held, scale = split_rows(context.data.train, context.data.validation, counter, context)
    features = chosen(spec.input_features)
    raw = prompt_features(context.data.train, features)
    standardize = Standardizer.none(features)
    if spec.use_scaled_features:
        standardize = Standardizer.fit(raw[np.unique(context.data.train.prompt)], features)
    inputs = standardize(raw).astype(np.float64)
    weights = fit(inputs, rows.prompt, rows.model, scale.targets(rows), len(names), spec.l2)
    # For an LLM that nothing is known of: one regression, of what is longer or shorter than usual.
    whole = scale.with_average()
    last = np.full(len(rows), len(names))
    everyone = fit(inputs, rows.prompt, np.zeros(len(rows), np.int64), whole.standardise(rows.tokens, last), 1, spec.l2)
    medians = scale.tokens(
        np.einsum("nf,nf->n", inputs[held.prompt], weights[held.model, 1:]) + weights[held.model, 0], held.model
    )
    kept, predicted = forecast(scale, medians, held, context.data.validation.keys, spec.predict)

    document = {
        "format": 1,
        "models": list(names),
        "l2": spec.l2,
        "scale": kept.as_json(),
    } | standardize.as_json()
    (context.artifact / "model.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    write_tensors(context.artifact / "weights.safetensors", {"weights": weights, "everyone": everyone})
    counter.save(context.artifact)
    return conclude(context, rows, held, scale, predicted)
