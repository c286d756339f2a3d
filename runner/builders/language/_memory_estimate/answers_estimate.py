"""What learning answers from conversations will take, with a teacher or without."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from runner.builders._memory_estimate.base_configuration import configuration_alone, is_here
from runner.builders.language._distilling import teacher as teachers
from runner.builders.language._distilling.answer_training import read_side
from runner.builders.language._distilling.templates import turned_rows
from runner.builders.language._fields.teacher_fields import OddsTeacher
from runner.builders.language._memory_estimate import exercise, language_estimate
from runner.builders.language._memory_estimate.rows_to_estimate import KnownRows
from runner.builders.language._models import stored_model
from runner.builders.language._models.base_model import Base
from runner.builders.language._rows import rendering
from runner.builders.language._rows.rendering import Side, renderer_of
from runner.builders.language._rows.token_rows import TokenRows
from runner.contract import Footprint, FootprintContext

#: Rows as the student reads them, and as the teacher does where that is otherwise.
Read = tuple[Side, TokenRows | None]


def estimate(spec: Any, context: FootprintContext) -> Footprint:
    """See :func:`runner.builders.language._memory_estimate.language_estimate.estimate`.

    Raises :class:`~runner.errors.DataError` for a teacher of another vocabulary, where its tokenizer is here too.
    """
    taught = spec.taught()
    by_logits = taught is not None and taught.by_logits() and not isinstance(taught.teacher, OddsTeacher)
    here = by_logits and _teacher_is_here(spec)

    def reader(base: Base) -> Callable[[Any, str], Read]:
        renderer = renderer_of(base, spec, context)
        if here:
            teacher = teachers.find(taught.teacher, f"{spec.taught_at}/teacher", context)
            shared = teacher.shared(base)

            def read(rows: Any, side: str) -> Read:
                found = read_side(spec, rows, renderer, teacher, side, context.cache)
                shared.check(teachers.used_tokens(found[0].rows.tokens.ids))
                return found

            return read
        template = "{input}" if taught is None else taught.student_template

        def of_data(rows: Any, side: str) -> Read:
            turned = turned_rows(rows, template)
            return rendering.conversations(turned, renderer, spec.loss_on, spec.max_length, side, context.cache), None

        return of_data

    def beside(folder: Path) -> Sequence[tuple[Path, torch.dtype]]:
        found = []
        if by_logits and taught.teacher.top_k is None:
            found.append((_teachers_folder(spec, context), teachers.kept_in(taught.teacher.dtype, context.device)))
        if spec.losses is not None and spec.losses.beside_reference():
            found.append((folder, torch.float32))
        return found

    rows = KnownRows(
        reader,
        lambda count, length: (exercise.full_rows(count, length), None),
        lambda read: exercise.answers(spec, *read),
        beside,
    )
    return language_estimate.estimate(spec, context, rows)


def _teacher_is_here(spec: Any) -> bool:
    teacher = spec.taught().teacher
    return teacher.stored() is not None or is_here(teacher.model_name, teacher.revision)


def _teachers_folder(spec: Any, context: FootprintContext) -> Path:
    """A folder with the teacher's configuration."""
    teacher, place = spec.taught().teacher, f"{spec.taught_at}/teacher"
    if not _teacher_is_here(spec):
        return configuration_alone(teacher.model_name, teacher.revision)
    stored = context.stored.get(f"{place}/model_name".removeprefix("/"))
    if stored is not None and stored_model.read(stored)["form"] == "adapter":
        return stored_model.base_of(stored, context.cache)
    return teachers.find(teacher, place, context).folder
