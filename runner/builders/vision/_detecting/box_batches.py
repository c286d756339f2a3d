"""Boxes from a detector's output, and pictures through it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from runner.builders._finetuning.batched_rows import forward_batches, measured_batches
from runner.builders.vision._detecting.augmented_boxes import augmented
from runner.builders.vision._detecting.detector_inputs import DetectorInputs
from runner.data.boxes.box_side import BoxSplit
from runner.data.images.picture_places import side_by_side
from runner.tasks.detection.found_boxes import FoundBoxes

#: Pictures that are measured at a time.
AT_A_TIME = 16


def inputs_of(part: BoxSplit, inputs: DetectorInputs, some: np.ndarray, augmentation: Any = None) -> dict[str, Any]:
    """What ``forward`` takes of some pictures: pixels ``[b, 3, side, side]``, and labels: boxes are centres and sizes
    as shares of the picture. Boxes of crowds are left out."""
    images = list(side_by_side(part.pictures.decoded, some.tolist()))
    pixels, labels = [], []
    for at, image in zip(some.tolist(), images, strict=True):
        own = part.boxes[at]
        corners = own.corners[~own.crowd]
        if augmentation is not None:
            image, corners = augmented(image, corners, augmentation)
        pixels.append(inputs.pixels(image))
        labels.append({
            "class_labels": torch.from_numpy(own.labels[~own.crowd]),
            "boxes": torch.from_numpy(_centres(corners, image.size)).float().reshape(-1, 4),
        })  # fmt: skip
    return {"pixel_values": torch.stack(pixels), "labels": labels}


def _centres(corners: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    shares = corners / np.tile(np.asarray(size, np.float64), 2)
    return np.concatenate([(shares[:, :2] + shares[:, 2:]) / 2, shares[:, 2:] - shares[:, :2]], axis=1)


def found_boxes(output: Any, sizes: Sequence[Sequence[int]], classes: int) -> list[FoundBoxes]:
    """Every box of every picture, in pixels, whatever its score.

    A model with an output for "nothing" gives a class to each of its boxes (DETR, YOLOS); one without gives the surest
    pairs of box and class, as many as it has boxes (RT-DETR). Source: ``post_process_object_detection``.
    """
    logits, places = output.logits.float().cpu(), output.pred_boxes.float().cpu()
    count = logits.shape[1]
    if logits.shape[-1] == classes + 1:
        scores, labels = logits.softmax(-1)[..., :-1].max(-1)
    else:
        scores, flat = logits.sigmoid().flatten(1).topk(min(count, logits[0].numel()))
        labels, chosen = flat % classes, flat // classes
        places = places.gather(1, chosen[..., None].expand(-1, -1, 4))
    corners = torch.cat([places[..., :2] - places[..., 2:] / 2, places[..., :2] + places[..., 2:] / 2], -1).double()
    found = []
    for at, size in enumerate(sizes):
        limit = np.tile(np.asarray(size, np.float64), 2)
        own = np.clip(corners[at].numpy() * limit, 0, limit)
        found.append(FoundBoxes(own, labels[at].numpy().astype(np.int64), scores[at].double().numpy()))
    return found


def detect_part(
    model: Any,
    part: BoxSplit,
    inputs: DetectorInputs,
    device: str,
    stop_requested: Callable[[], bool] = lambda: False,
) -> tuple[list[FoundBoxes], float | None]:
    """What a model finds in all pictures of a split, and its mean loss there by boxes; None without one."""
    found: list[FoundBoxes] = [FoundBoxes(np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0))] * len(part)
    total = mass = 0.0

    def batch(some: np.ndarray) -> Mapping[str, Any]:
        return inputs_of(part, inputs, some)

    for chosen, output in forward_batches(model, measured_batches(len(part), AT_A_TIME), batch, device, stop_requested):
        sizes = part.sizes[chosen].tolist()
        for at, one in zip(chosen.tolist(), found_boxes(output, sizes, len(part.classes)), strict=True):
            found[at] = one
        weight = float(masses(part)[chosen].sum())
        total, mass = total + float(output.loss) * weight, mass + weight
    return found, total / mass if mass else None


def masses(part: BoxSplit) -> np.ndarray:
    """What each picture counts in a mean loss, float64 ``[n]``: its boxes, which the models' losses are divided by."""
    return np.array([max(1, int((~own.crowd).sum())) for own in part.boxes], np.float64)
