"""Continued training on texts."""

from __future__ import annotations

from typing import Any

from runner.builders.language._learning.likelihood_training import learn
from runner.builders.language._learning.training_objectives import Likelihood
from runner.builders.language._models import base_model
from runner.builders.language._rows import rendering
from runner.contract import TrainContext, TrainResult


def train(spec: Any, context: TrainContext) -> TrainResult:
    """Learn every token of every text. Rows become tokens before the model is loaded."""
    base = base_model.find(spec, context)
    learned, held = (
        rendering.texts(part, base.tokenizer, spec.max_length, side, context.cache)
        for part, side in ((context.data.train, "train"), (context.data.validation, "validation"))
    )
    document = {"max_length": spec.max_length}
    learning = Likelihood(spec.label_smoothing)
    return learn(spec, context, lambda: base_model.load(spec, context, base), learned, held, document, learning)
