"""The training of both kinds: a base opened with a head, its processor fitted; learned, stored, and measured again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from runner.builders._finetuning import finetuned_card, pretrained_base
from runner.builders._finetuning.batched_rows import BatchedRows, forward_batches, measured_batches
from runner.builders._finetuning.heads import Head
from runner.builders._finetuning.nothing_learned import need_numbers
from runner.builders._finetuning.opened_model import open_model
from runner.builders._finetuning.train_and_store import store, tune
from runner.builders.vision._fitting.class_target import ClassTarget
from runner.builders.vision._fitting.number_target import NumberTarget
from runner.builders.vision._fitting.worst_pictures import worst_pictures
from runner.builders.vision._pixels.picture_batches import learned_batch, plain_batch
from runner.builders.vision._pixels.processing import Processing
from runner.contract import Task, TrainContext, TrainResult
from runner.data.images.picture_places import Pictures

BASE = pretrained_base.BASE
#: Pictures that are measured at a time.
MEASURED = 32


def head_of(settings: dict[str, Any]) -> Head:
    """The head that a base gets."""
    return Head(
        "AutoModelForImageClassification",
        "MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES",
        None,
        what="trained on pictures",
        hint="name a vision model, such as google/vit-base-patch16-224-in21k or microsoft/resnet-18",
        settings=settings,
    )


def fit_pictures(
    spec: Any, context: TrainContext, target: ClassTarget | NumberTarget, task: Task, card: list[str]
) -> TrainResult:
    """Train, store, and measure what is stored. ``card`` is how a stored model is used, in lines of Python."""
    train, held = context.data.train, context.data.validation
    head = head_of(target.settings)
    base = pretrained_base.find(spec, context, head)
    processing = Processing.of_base(base.folder, spec.fit, f"{BASE}: {base.folder}")
    opened = open_model(spec, context, base, head)
    rows = BatchedRows(
        len(train), partial(learned_batch, train.pictures, processing, spec.augmentation), target.loss, mass=target.mass
    )

    def measure() -> dict[str, float | None]:
        logits = outputs(opened.model, held.pictures, processing, context.device, context.stop_requested)
        return target.figures(target.answers(logits), held)

    fitted = tune(spec, context, opened, rows, measure)
    name = opened.name
    model = store(spec, context, opened, target.document(), processing)
    stored = Processing.stored(context.artifact) if context.processes.first else processing
    answers = target.answers(outputs(model, held.pictures, stored, context.device))
    need_numbers(target.figures(answers, held))
    metrics, tables = target.measured(answers, held, context.seed)
    metrics |= {"n_train": len(train)}
    worst = worst_pictures(held.pictures, *target.worst(answers, held), "Worst pictures") if len(held) else None
    if context.processes.first:
        finetuned_card.write(
            context.artifact, spec, name, task, metrics, pipeline="image-classification", code=card,
            told=[f"input: {processing.size[0]}x{processing.size[1]} pixels, {spec.fit}"],
        )  # fmt: skip
    return TrainResult(
        metrics=metrics,
        epochs=fitted.epochs,
        best_epoch=fitted.best_epoch,
        parameters=fitted.parameters,
        tables={table.name: table.as_dict() for table in (*tables, *([worst] if worst else []))},
    )


def outputs(
    model: Any,
    pictures: Pictures,
    processing: Processing,
    device: str,
    stop_requested: Callable[[], bool] = lambda: False,
    at_once: int = MEASURED,
) -> np.ndarray:
    """What the model gives for pictures, in their order: float32 ``[n, outputs]``."""
    batches = measured_batches(len(pictures), at_once)
    parts = [
        found.logits.float().cpu().numpy()
        for _, found in forward_batches(
            model, batches, partial(plain_batch, pictures, processing), device, stop_requested
        )
    ]
    return np.concatenate(parts) if parts else np.zeros((0, max(1, model.config.num_labels)), np.float32)
