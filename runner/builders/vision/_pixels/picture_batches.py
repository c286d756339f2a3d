"""Batches of pictures as a model reads them: decoded in threads when they are needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from runner.builders.vision._pixels.augmenting import changed
from runner.builders.vision._pixels.processing import Processing
from runner.data.images.picture_places import Pictures, side_by_side


def as_inputs(arrays: Sequence[np.ndarray]) -> dict[str, torch.Tensor]:
    """What ``forward`` takes: ``pixel_values``, float32 ``[B, 3, height, width]``."""
    return {"pixel_values": torch.from_numpy(np.stack(arrays))}


def plain_batch(pictures: Pictures, processing: Processing, rows: np.ndarray) -> Mapping[str, torch.Tensor]:
    """Some pictures as they are used: int64 ``[B]``."""
    return as_inputs(list(side_by_side(lambda at: processing.inputs(pictures.decoded(at)), rows.tolist())))


def learned_batch(
    pictures: Pictures, processing: Processing, augmentation: Any, rows: np.ndarray
) -> Mapping[str, torch.Tensor]:
    """The same as they are learned: each picture is changed by a generator of its own, whose seed is drawn here.

    The seeds come from torch's generator, which checkpoints keep: a run that goes on changes them as it would have.
    """
    if augmentation is None:
        return plain_batch(pictures, processing, rows)
    seeds = torch.randint(2**62, (len(rows),)).tolist()

    def made(at: int) -> np.ndarray:
        rng = np.random.default_rng([seeds[at], int(rows[at])])
        image = pictures.decoded(int(rows[at]))
        image, sized = changed(image, augmentation, processing.size, processing.resample, rng)
        return processing.inputs(image, sized=sized)

    return as_inputs(list(side_by_side(made, range(len(rows)))))
