"""What training of a reward model will take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runner.builders.language._memory_estimate import exercise, language_estimate
from runner.builders.language._memory_estimate.rows_to_estimate import KnownRows
from runner.builders.language._models.base_model import Base
from runner.builders.language._rows import rendering
from runner.builders.language._rows.rendering import renderer_of
from runner.contract import Footprint, FootprintContext


def estimate(spec: Any, context: FootprintContext) -> Footprint:
    """See :func:`runner.builders.language._memory_estimate.language_estimate.estimate`."""

    def reader(base: Base) -> Callable[[Any, str], rendering.Pairs]:
        renderer = renderer_of(base, spec, context)
        return lambda rows, side: rendering.pairs(rows, renderer, spec.max_length, side, context.cache, scored=True)

    return language_estimate.estimate(
        spec, context, KnownRows(reader, exercise.full_pairs, lambda found: exercise.reward(spec, found))
    )
