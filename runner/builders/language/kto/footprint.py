"""What training on answers that are wanted or not will take."""

from __future__ import annotations

from typing import Any

from runner.builders.language._footprint import exercise, language_footprint
from runner.builders.language._footprint.known_rows import KnownRows
from runner.builders.language._learning.objectives import KtoObjective
from runner.builders.language._models.base_model import Base
from runner.builders.language._rows import rendering
from runner.builders.language._rows.chat_renderer import renderer_of
from runner.contract import Footprint, FootprintContext


def estimate(spec: Any, context: FootprintContext) -> Footprint:
    """See :func:`runner.builders.language._footprint.language_footprint.estimate`."""

    def read(base: Base, rows: Any, side: str) -> rendering.Labelled:
        return rendering.labelled(rows, renderer_of(base, spec, context), spec.max_length, side)

    return language_footprint.estimate(
        spec,
        context,
        KnownRows(
            read,
            exercise.full_answers,
            lambda found: exercise.preference(found.side, lambda judged: KtoObjective(found, spec, judged)),
        ),
    )
