"""Least squares on log lengths."""

from __future__ import annotations

import json

import numpy as np

from runner.builders.routing._lengths.length_regression import fit
from runner.builders.routing._prompts.prompted import Standardizer, prompt_features
from runner.builders.routing._ratings.agnostic import warn_start_ignored
from runner.builders.routing.simple_length_prediction import Spec
from runner.contract import TrainContext, TrainResult
from runner.store.tensors import write_tensors
from runner.tasks.length.length_rows import TokenCounter, split_rows
from runner.tasks.length.measuring import conclude
from runner.training.pretrained import resolve


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Count tokens, solve, measure, store."""
    warn_start_ignored(context, "simple_length_prediction")
    context.stop_here(0, {}, {})
    names = context.data.train.models
    counter = TokenCounter.load(resolve(spec.embedding_model_name))
    rows, held, scale = split_rows(context.data.train, context.data.validation, counter, context)
    raw = prompt_features(context.data.train)
    standardize = Standardizer.fit(raw[np.unique(context.data.train.prompt)])
    inputs = standardize(raw).astype(np.float64)
    weights = fit(inputs, rows.prompt, rows.model, scale.targets(rows), len(names), spec.l2)
    predicted = scale.tokens(
        np.einsum("nf,nf->n", inputs[held.prompt], weights[held.model, 1:]) + weights[held.model, 0], held.model
    )

    document = {
        "format": 1,
        "models": list(names),
        "l2": spec.l2,
        "scale": scale.as_json(),
        "feature_mean": standardize.mean.tolist(),
        "feature_std": standardize.std.tolist(),
    }
    (context.artifact / "model.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    write_tensors(context.artifact / "weights.safetensors", {"weights": weights})
    counter.save(context.artifact)
    return conclude(context, rows, held, scale, predicted)
