"""What continued training on texts will take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runner.builders.language._memory_estimate import exercise, language_estimate
from runner.builders.language._memory_estimate.rows_to_estimate import KnownRows
from runner.builders.language._models.base_model import Base
from runner.builders.language._rows import rendering
from runner.contract import Footprint, FootprintContext


def estimate(spec: Any, context: FootprintContext) -> Footprint:
    """See :func:`runner.builders.language._memory_estimate.language_estimate.estimate`."""

    def reader(base: Base) -> Callable[[Any, str], rendering.Side]:
        return lambda rows, side: rendering.texts(rows, base.tokenizer, spec.max_length, side, context.cache)

    rows = KnownRows(reader, exercise.full_rows, lambda side: exercise.likelihood(spec, side))
    return language_estimate.estimate(spec, context, rows)
