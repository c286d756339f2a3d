"""The training of kinds that learn answers from conversations: from the data, from losses, from a teacher."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runner.builders.language._distilling import teacher as teachers
from runner.builders.language._distilling.logit_distillation import LogitDistillation
from runner.builders.language._distilling.on_policy import Sampler
from runner.builders.language._distilling.taught_rows import aligned
from runner.builders.language._distilling.teacher_answers import answered_rows
from runner.builders.language._distilling.templates import turned_rows
from runner.builders.language._distilling.top_k_distillation import LikeliestDistillation, given_for, kept_for
from runner.builders.language._fields.teacher_fields import OddsTeacher
from runner.builders.language._learning.data_advantages import tell_unused, with_advantages
from runner.builders.language._learning.likelihood_training import learn
from runner.builders.language._learning.training_objectives import ComposedLosses, Learning, Likelihood
from runner.builders.language._models import base_model
from runner.builders.language._models.base_model import Base
from runner.builders.language._rows import rendering
from runner.builders.language._rows.rendering import Side, renderer_of
from runner.builders.language._rows.token_rows import TokenRows
from runner.contract import TrainContext, TrainResult

SIDES = ("train", "validation")


def train(spec: Any, context: TrainContext) -> TrainResult:
    """Learn the turns that ``loss_on`` names, or a teacher's answers. Rows become tokens before a model is loaded."""
    base = base_model.find(spec, context)
    renderer = renderer_of(base, spec, context)
    taught = spec.taught()
    if spec.losses is None or not spec.losses.policy():
        tell_unused(context.data.train, context.emit)
    learning: Learning
    if taught is not None and taught.by_logits():
        sides, learning = _with_logits(spec, context, base, renderer)
    else:
        parts: Sequence[Any] = (context.data.train, context.data.validation)
        loss_on = spec.loss_on
        if taught is not None:
            parts, loss_on = answered_rows(spec, context, parts), "last_assistant"
        learned, held = (
            rendering.conversations(part, renderer, loss_on, spec.max_length, side, context.cache)
            for part, side in zip(parts, SIDES, strict=True)
        )
        sides = learned, held
        learning, sides = _from_data(spec, context, sides)
    document = {"chat": renderer.as_document(), "max_length": spec.max_length}
    return learn(spec, context, lambda: base_model.load(spec, context, base), *sides, document, learning)


def _from_data(spec: Any, context: TrainContext, sides: tuple[Side, Side]) -> tuple[Learning, tuple[Side, Side]]:
    """What is learned of the data alone, and the rows of both sides that say it."""
    if spec.losses is None:
        return Likelihood(getattr(spec, "label_smoothing", 0.0)), sides
    if not spec.losses.policy():
        return ComposedLosses(spec.losses, context), sides
    rows = context.data.train, context.data.validation
    learned, held, advantages = with_advantages(spec.losses, rows, sides, context.emit)
    return ComposedLosses(spec.losses, context, advantages), (learned, held)


def _with_logits(spec: Any, context: TrainContext, base: Base, renderer: Any) -> tuple[tuple[Side, Side], Learning]:
    """Both sides as the student reads them, and what is learned of the teacher."""
    taught, place = spec.taught(), f"{spec.taught_at}/teacher"
    if isinstance(taught.teacher, OddsTeacher):
        learned, held = (
            read_student(spec, part, renderer, side, context.cache)
            for part, side in zip((context.data.train, context.data.validation), SIDES, strict=True)
        )
        path = taught.teacher.path
        learned, kept = given_for(path, f"/model/spec{place}/path", base, learned)
        return (learned, held), LikeliestDistillation(spec, context, base, kept, Path(path))
    with context.processes.first_before():
        teacher = teachers.find(taught.teacher, place, context)
    shared = teacher.shared(base)
    if shared.note is not None:
        context.emit("warning", message=shared.note, pointer=teacher.where)
    found, read = read_rows(spec, context.data, renderer, teacher, context.cache)
    shared.check(teachers.used_tokens(*(side.rows.tokens.ids for side in found)))
    if taught.teacher.top_k is not None:
        kept, file = kept_for(context, teacher, base, taught.teacher.top_k, found[0], read[0])
        return found, LikeliestDistillation(spec, context, base, kept, file)
    sampler = None
    if taught.on_policy is not None:
        sampler = Sampler.of(taught.on_policy, renderer.stop_ids, min(spec.max_length, teacher.longest))
    return found, LogitDistillation(spec, context, teacher, shared, read, found[1].rows, sampler)


def read_rows(
    spec: Any, data: Any, renderer: Any, teacher: Any, cache: Path | None = None
) -> tuple[tuple[Side, Side], tuple[TokenRows | None, TokenRows | None]]:
    """Both sides as the student reads them, and as the teacher does where that is otherwise."""
    (first, one), (second, two) = (
        read_side(spec, part, renderer, teacher, side, cache)
        for part, side in zip((data.train, data.validation), SIDES, strict=True)
    )
    return (first, second), (one, two)


def read_student(spec: Any, rows: Any, renderer: Any, side: str, cache: Path | None = None) -> Side:
    """One side as the student reads it. ``cache``: the folder where many tokens lie."""
    turned = turned_rows(rows, spec.taught().student_template)
    return rendering.conversations(turned, renderer, spec.loss_on, spec.max_length, side, cache)


def read_side(
    spec: Any, rows: Any, renderer: Any, teacher: Any, side: str, cache: Path | None = None
) -> tuple[Side, TokenRows | None]:
    """The same of one side."""
    taught = spec.taught()
    own = read_student(spec, rows, renderer, side, cache)
    if taught.teacher_template == taught.student_template and spec.max_length <= teacher.longest:
        return own, None
    others = rendering.conversations(
        turned_rows(rows, taught.teacher_template), renderer, spec.loss_on, teacher.longest, side, cache
    )
    return aligned(own, others)
