"""Training on preferences between two answers."""

from __future__ import annotations

from typing import Any

from runner.builders.language._learning.preference_objectives import DpoObjective
from runner.builders.language._learning.preference_training import learn
from runner.builders.language._models import base_model
from runner.builders.language._rows import rendering
from runner.builders.language._rows.rendering import renderer_of
from runner.contract import TrainContext, TrainResult


def train(spec: Any, context: TrainContext) -> TrainResult:
    """Learn which answer is better. Rows become tokens before the model is loaded."""
    base = base_model.find(spec, context)
    renderer = renderer_of(base, spec, context)
    learned = rendering.pairs(context.data.train, renderer, spec.max_length, "train", context.cache)
    held = rendering.pairs(context.data.validation, renderer, spec.max_length, "validation", context.cache)
    return learn(
        spec,
        context,
        lambda: base_model.load(spec, context, base),
        (learned.side, held.side),
        (lambda judged: DpoObjective(learned, spec, judged), lambda judged: DpoObjective(held, spec, judged)),
        {"chat": renderer.as_document(), "max_length": spec.max_length},
    )
