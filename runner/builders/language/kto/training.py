"""Training on answers that are wanted or not."""

from __future__ import annotations

from typing import Any

from runner.builders.language._learning.kto_objective import KtoObjective
from runner.builders.language._learning.preference_training import learn
from runner.builders.language._models import base_model
from runner.builders.language._rows import rendering
from runner.builders.language._rows.rendering import renderer_of
from runner.contract import TrainContext, TrainResult
from runner.data.labelled_answers.section import need_both_sorts
from runner.errors import DataError


def train(spec: Any, context: TrainContext) -> TrainResult:
    """Learn which answers are wanted. Rows become tokens before the model is loaded."""
    base = base_model.find(spec, context)
    renderer = renderer_of(base, spec, context)
    learned = rendering.labelled(context.data.train, renderer, spec.max_length, "train", context.cache)
    held = rendering.labelled(context.data.validation, renderer, spec.max_length, "validation", context.cache)
    # Rows that the template refused are gone.
    need_both_sorts(learned.wanted)
    if spec.loss_type == "kto" and context.batch_size * spec.gradient_accumulation < 2:
        raise DataError(
            "a step of one answer tells nothing of the divergence from the reference",
            where="/batch_size",
            hint="a greater batch_size or gradient_accumulation, or loss_type apo_zero_unpaired",
        )
    return learn(
        spec,
        context,
        lambda: base_model.load(spec, context, base),
        (learned.side, held.side),
        (lambda judged: KtoObjective(learned, spec, judged), lambda judged: KtoObjective(held, spec, judged)),
        {"chat": renderer.as_document(), "max_length": spec.max_length},
    )
