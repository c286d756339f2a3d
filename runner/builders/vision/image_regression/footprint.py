"""What training of numbers of pictures will take."""

from __future__ import annotations

from typing import Any

from runner.builders.vision._fitting import picture_estimate
from runner.builders.vision._fitting.number_target import NumberTarget
from runner.contract import Footprint, FootprintContext

#: What is set of a head for pictures that were not read.
UNREAD = {"num_labels": 1}


def estimate(spec: Any, context: FootprintContext) -> Footprint:
    """See :func:`runner.builders._memory_estimate.finetuning_estimate.estimate`."""
    settings = UNREAD if context.data is None else NumberTarget(spec, context.data.train).settings
    return picture_estimate.estimate(spec, context, settings)
