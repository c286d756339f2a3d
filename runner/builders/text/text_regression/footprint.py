"""What training of numbers from texts will take."""

from __future__ import annotations

from typing import Any

from runner.builders.text._labelled import text_estimate
from runner.contract import Footprint, FootprintContext


def estimate(spec: Any, context: FootprintContext) -> Footprint:
    """See :func:`runner.builders._memory_estimate.finetuning_estimate.estimate`."""
    return text_estimate.estimate(spec, context, lambda every, targets: every)
