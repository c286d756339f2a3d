"""Training of a detector."""

from __future__ import annotations

import itertools
import math
from typing import Any

import torch

from runner.builders._finetuning import finetuned_card, pretrained_base
from runner.builders._finetuning.batched_rows import BatchedRows
from runner.builders._finetuning.heads import Head
from runner.builders._finetuning.opened_model import OpenedModel, open_model
from runner.builders._finetuning.train_and_store import store, tune
from runner.builders.vision._detecting.box_batches import detect_part, inputs_of, masses
from runner.builders.vision._detecting.detector_inputs import DetectorInputs
from runner.builders.vision.object_detection import TASK, lacks_timm
from runner.contract import TrainContext, TrainResult
from runner.data.boxes.box_side import BoxSplit
from runner.errors import DataError
from runner.tasks.detection.baselines import baselines
from runner.tasks.detection.judged_boxes import judge
from runner.tasks.detection.measuring import measure_detection, score
from runner.training.finetuning_specs import Adapters

CODE = (
    "from transformers import pipeline",
    "",
    'detector = pipeline("object-detection", model="PATH_OF_THIS_FOLDER")',
    'print(detector("picture.jpg"))',
)


def head_of(classes: tuple[str, ...]) -> Head:
    """A detector's head for these classes: what places the boxes is kept as it was pretrained."""
    names = dict(enumerate(classes))
    return Head(
        "AutoModelForObjectDetection", "MODEL_FOR_OBJECT_DETECTION_MAPPING_NAMES", None, what="trained to find things",
        hint="name a detector, such as hustvl/yolos-tiny or PekingU/rtdetr_r18vd",
        settings={
            "num_labels": len(classes), "id2label": names, "label2id": {name: at for at, name in names.items()},
        },
        drawn="lacking",
        within=("class_embed", "enc_score_head", "denoising_class_embed", "bbox_embed", "enc_bbox_head"),
    )  # fmt: skip


def train(spec: Any, context: TrainContext) -> TrainResult:
    """Learn where things are. The pictures are read as they are needed, and never all held."""
    learned: BoxSplit = context.data.train
    held: BoxSplit = context.data.validation
    head = head_of(learned.classes)
    base = pretrained_base.find(spec, context, head)
    if (lacking := lacks_timm(base.config)) is not None:
        raise DataError(lacking.message, where=lacking.pointer, hint=lacking.hint)
    inputs = DetectorInputs.of(base.folder, spec.image_size, pretrained_base.BASE)
    opened = open_model(spec, context, base, head)
    need_places(opened.model.config, inputs.side)
    mass = masses(learned)
    _tell_of_room(opened, learned, context)

    def loss(output: Any, some: Any) -> torch.Tensor:
        return output.loss.float() * float(mass[some].sum())

    rows = BatchedRows(
        count=len(learned),
        batch=lambda some: inputs_of(learned, inputs, some, spec.augmentation),
        loss=loss,
        mass=mass,
    )

    def measure() -> dict[str, float | None]:
        if not len(held):
            return dict.fromkeys(spec.measures)
        found, lost = detect_part(opened.model, held, inputs, context.device, context.stop_requested)
        metrics, _ = score(judge(found, held), held, context.seed, draws=0)
        return {"map": _number(metrics["map"]), "map_50": _number(metrics["map_50"]), "loss": lost}

    fitted = tune(spec, context, opened, rows, measure, factors=_factors(spec, opened.model))
    name = opened.name
    model = store(spec, context, opened, {"classes": list(learned.classes), "side": inputs.side}, inputs)
    found, lost = detect_part(model, held, inputs, context.device)
    beside = baselines(learned, held, seed=context.seed) if len(held) else None
    metrics, tables, threshold = measure_detection(found, held, seed=context.seed, baselines=beside)
    metrics |= {"loss": lost, "n_train": len(learned)}
    if context.processes.first:
        finetuned_card.write(context.artifact, spec, name, TASK, metrics, pipeline="object-detection", code=CODE)
    return TrainResult(
        metrics=metrics,
        epochs=fitted.epochs,
        best_epoch=fitted.best_epoch,
        parameters=fitted.parameters | {"threshold": threshold},
        tables={table.name: table.as_dict() for table in tables},
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _factors(spec: Any, model: Any) -> dict[str, float] | None:
    """The factor on the learning rate of the body's weights."""
    if spec.backbone_rate == 1:
        return None
    own = model.get_base_model() if isinstance(spec.finetuning_spec, Adapters) else model
    around = "base_model.model." if own is not model else ""
    return {f"{around}{own.base_model_prefix}.": spec.backbone_rate}


def need_places(config: Any, side: int) -> None:
    """Raise :class:`DataError` for pictures that are too small for a model which looks at its likeliest places (as
    RT-DETR does): there is one for each of the squares of ``feat_strides`` pixels."""
    strides, wanted = getattr(config, "feat_strides", None), getattr(config, "num_queries", None)
    if not strides or not wanted:
        return
    coarsest = max(strides)

    def places(pixels: int) -> int:
        return sum(math.ceil(pixels / each) ** 2 for each in strides)

    if places(side) < wanted:
        enough = next(each for each in itertools.count(coarsest, coarsest) if places(each) >= wanted)
        raise DataError(
            f"pictures of {side} pixels a side have {places(side):,} places, and the model looks at {wanted:,} of them",
            where="/model/spec/image_size",
            hint=f"at least {enough}",
        )


def _tell_of_room(opened: OpenedModel, learned: BoxSplit, context: TrainContext) -> None:
    """Warn where a picture has more boxes than the model can find: the rest cannot be learned."""
    config = opened.model.config
    room = getattr(config, "num_queries", None) or getattr(config, "num_detection_tokens", None)
    most = max((int((~own.crowd).sum()) for own in learned.boxes), default=0)
    if room and most > room:
        context.emit(
            "warning",
            message=f"a picture has {most} boxes, and the model finds at most {room} in one",
            pointer="/model/spec/base_model_name",
        )
