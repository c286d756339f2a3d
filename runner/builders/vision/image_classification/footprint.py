"""What training of classes of pictures will take."""

from __future__ import annotations

from typing import Any

from runner.builders.vision._fitting import picture_estimate
from runner.builders.vision._fitting.class_target import ClassTarget
from runner.contract import Footprint, FootprintContext

#: What is set of a head for pictures that were not read.
UNREAD = {"num_labels": 2}


def estimate(spec: Any, context: FootprintContext) -> Footprint:
    """See :func:`runner.builders._memory_estimate.finetuning_estimate.estimate`."""
    settings = UNREAD if context.data is None else ClassTarget(spec, context.data.train).settings
    return picture_estimate.estimate(spec, context, settings)
