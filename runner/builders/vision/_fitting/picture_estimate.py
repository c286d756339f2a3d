"""What a training on pictures with classes or numbers will take: all are brought to one size, so no picture is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runner.builders._finetuning.pretrained_base import BASE
from runner.builders._memory_estimate import finetuning_estimate, picture_batches
from runner.builders._memory_estimate.base_configuration import base_of
from runner.builders.vision._fitting.picture_training import MEASURED, head_of
from runner.builders.vision._pixels.processing import Processing
from runner.contract import Footprint, FootprintContext

#: What is not counted.
DECODED = "memory is without pictures as they are decoded, before they are brought to the size that the model reads"


def estimate(spec: Any, context: FootprintContext, settings: dict[str, Any]) -> Footprint:
    """See :func:`runner.builders._memory_estimate.finetuning_estimate.estimate`.

    ``settings`` are the head's.
    """
    head = head_of(settings)
    base, _ = base_of(spec, context, head)
    height, width = _size(base.source, spec.fit)
    exercise = picture_batches.exercise(spec, context, (height, width), MEASURED)
    return finetuning_estimate.estimate(
        spec, context, base, head, exercise, notes=[DECODED], beside={"picture_size": [height, width]}
    )


def _size(folder: Path, fit: str) -> tuple[int, int]:
    """Height and width of what the model reads."""
    return Processing.of_base(folder, fit, f"{BASE}: {folder}").size
