"""What training of a detector will take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from runner.builders._memory_estimate import finetuning_estimate, picture_batches
from runner.builders._memory_estimate.base_configuration import base_of
from runner.builders._memory_estimate.finetuning_estimate import Exercise
from runner.builders.vision._detecting.box_batches import AT_A_TIME
from runner.builders.vision._detecting.detector_inputs import DetectorInputs
from runner.builders.vision.object_detection import lacks_timm
from runner.builders.vision.object_detection.training import head_of
from runner.contract import Footprint, FootprintContext
from runner.errors import DataError

#: What is taken for the classes of pictures that were not read.
UNREAD = ("thing",)
#: What is not counted.
PAIRING = "memory is without what pairing boxes that are found with those that are there takes, for that needs numbers"
SAVING = "a smaller image_size"


def estimate(spec: Any, context: FootprintContext) -> Footprint:
    """See :func:`runner.builders._memory_estimate.finetuning_estimate.estimate`."""
    data = context.data
    head = head_of(UNREAD if data is None else data.train.classes)
    base, _ = base_of(spec, context, head)
    if (lacking := lacks_timm(base.config)) is not None:
        raise DataError(lacking.message, where=lacking.pointer, hint=lacking.hint)
    side = DetectorInputs.of(base.source, spec.image_size).side
    return finetuning_estimate.estimate(
        spec, context, base, head, _exercise(spec, context, side), notes=[PAIRING], savings=[SAVING],
        beside={"picture_size": [side, side]},
    )  # fmt: skip


def _exercise(spec: Any, context: FootprintContext, side: int) -> Exercise:
    at_once, data = context.at_once or context.batch_size, context.data
    # A batch's pictures are all decoded before the first is brought to its size.
    areas = np.zeros(0) if data is None else data.train.sizes.prod(axis=1)
    decoded = 3 * int(np.sort(areas)[::-1][:at_once].sum())

    def labels(some: np.ndarray) -> Mapping[str, Any]:
        return {"labels": [_labels(data, at) for at in some.tolist()]}

    return picture_batches.exercise(
        spec, context, (side, side), AT_A_TIME, loss=_loss, more=labels, decoded=decoded, whole=_told_shapes
    )


def _labels(data: Any, at: int) -> dict[str, torch.Tensor]:
    """As many boxes as a picture has, one where that is not known."""
    count = 1 if data is None or at >= len(data.train) else int((~data.train.boxes[at].crowd).sum())
    return {"class_labels": torch.zeros(count, dtype=torch.int64), "boxes": torch.zeros(count, 4)}


def _loss(output: Any, some: np.ndarray) -> torch.Tensor:
    found: torch.Tensor = output.loss
    return found


def _told_shapes(model: Any) -> Any:
    """The model with a loss that sums what it is given: its own pairs boxes by their places, which shapes have not."""
    plain = model.get_base_model() if hasattr(model, "get_base_model") else model
    plain.loss_function = _summed
    return model


def _summed(*given: Any, **named: Any) -> tuple[torch.Tensor, dict[str, Any], None]:
    tensors = [each for each in (*given, *named.values()) if isinstance(each, torch.Tensor)]
    return torch.stack([each.float().square().sum() for each in tensors if each.is_floating_point()]).sum(), {}, None
