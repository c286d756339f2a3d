"""Training of classes of pictures."""

from __future__ import annotations

from typing import Any

from runner.builders.vision._fitting.class_target import ClassTarget
from runner.builders.vision._fitting.picture_training import fit_pictures
from runner.contract import TrainContext, TrainResult
from runner.tasks.classification import TASK

CARD = [
    "from PIL import Image",
    "from transformers import pipeline",
    "",
    'classify = pipeline("image-classification", "PATH_OF_THIS_FOLDER")',
    'print(classify(Image.open("picture.jpg").convert("RGB")))',
]


def train(spec: Any, context: TrainContext) -> TrainResult:
    """Learn the classes of pictures; see :func:`fit_pictures`."""
    return fit_pictures(spec, context, ClassTarget(spec, context.data.train), TASK, CARD)
