"""Training of numbers of pictures."""

from __future__ import annotations

from typing import Any

from runner.builders.vision._fitting.number_target import NumberTarget
from runner.builders.vision._fitting.picture_training import fit_pictures
from runner.contract import TrainContext, TrainResult
from runner.tasks.regression import TASK


def train(spec: Any, context: TrainContext) -> TrainResult:
    """Learn the numbers of pictures; see :func:`fit_pictures`."""
    target = NumberTarget(spec, context.data.train)
    return fit_pictures(spec, context, target, TASK, card(target.mean, target.deviation))


def card(mean: float, deviation: float) -> list[str]:
    """How a stored model is used: its output is on a scale of its own."""
    return [
        "from PIL import Image",
        "from transformers import AutoImageProcessor, AutoModelForImageClassification",
        "",
        'processor = AutoImageProcessor.from_pretrained("PATH_OF_THIS_FOLDER")',
        'model = AutoModelForImageClassification.from_pretrained("PATH_OF_THIS_FOLDER")',
        'inputs = processor(Image.open("picture.jpg").convert("RGB"), return_tensors="pt")',
        f"print(model(**inputs).logits[0, 0].item() * {deviation!r} + {mean!r})",
    ]
