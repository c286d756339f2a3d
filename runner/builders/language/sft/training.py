"""Supervised fine-tuning on conversations."""

from __future__ import annotations

from typing import Any

from runner.builders.language._learning.likelihood_training import learn
from runner.builders.language._models import base_model
from runner.builders.language._rows import rendering
from runner.builders.language._rows.chat_renderer import renderer_of
from runner.contract import TrainContext, TrainResult


def train(spec: Any, context: TrainContext) -> TrainResult:
    """Learn the turns that ``loss_on`` names. Rows become tokens before the model is loaded."""
    base = base_model.find(spec, context)
    renderer = renderer_of(base, spec, context)
    learned, held = (
        rendering.conversations(part, renderer, spec.loss_on, spec.max_length, side)
        for part, side in ((context.data.train, "train"), (context.data.validation, "validation"))
    )
    document = {"chat": renderer.as_document(), "max_length": spec.max_length}
    return learn(spec, context, lambda: base_model.load(spec, context, base), learned, held, document)
