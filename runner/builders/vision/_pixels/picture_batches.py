"""Batches of pictures as a model reads them: decoded in threads when they are needed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from runner.builders.vision._pixels.augmenting import changed, cuts_out
from runner.builders.vision._pixels.processing import Processing
from runner.data.images.picture_places import MOST_THREADS, Pictures, side_by_side

#: Pictures that a thread hands to the processor at a time: a call takes as long as a small picture. It takes fewer once
#: they have so many pixels, so that large ones are not held beside each other.
TOGETHER, PIXELS = 16, 1_000_000
#: A batch of fewer pixels is read by one thread: what is done there needs Python's lock nearly all the time.
FEW_PIXELS = 100_000


def as_inputs(read: Callable[[int], Any], count: int, processing: Processing, *, sized: bool = False) -> dict[str, Any]:
    """What ``forward`` takes: ``pixel_values``, float32 ``[count, 3, height, width]``.

    ``read`` gives a picture of mode RGB by its place in the batch; see :meth:`Processing.inputs` for ``sized``.
    """
    first = read(0)
    small = count * first.width * first.height < FEW_PIXELS
    threads = 1 if small else min(MOST_THREADS, os.cpu_count() or 1)
    size = max(1, min(TOGETHER, -(-count // threads)))

    def made(start: int) -> list[np.ndarray]:
        found: list[np.ndarray] = []
        waiting: list[Any] = []
        for at in range(start, min(start + size, count)):
            waiting.append(read(at) if at else first)
            if sum(image.width * image.height for image in waiting) >= PIXELS:
                found.append(processing.inputs(waiting, sized=sized))
                waiting = []
        return [*found, processing.inputs(waiting, sized=sized)] if waiting else found

    parts = [part for own in side_by_side(made, range(0, count, size), threads) for part in own]
    return {"pixel_values": torch.from_numpy(np.concatenate(parts))}


def plain_batch(pictures: Pictures, processing: Processing, rows: np.ndarray) -> Mapping[str, torch.Tensor]:
    """Some pictures as they are used: int64 ``[B]``."""
    return as_inputs(lambda at: pictures.decoded(int(rows[at])), len(rows), processing)


def learned_batch(
    pictures: Pictures, processing: Processing, augmentation: Any, rows: np.ndarray
) -> Mapping[str, torch.Tensor]:
    """The same as they are learned: each picture is changed by a generator of its own, whose seed is drawn here.

    The seeds come from torch's generator, which checkpoints keep: a run that goes on changes them as it would have.
    """
    if augmentation is None:
        return plain_batch(pictures, processing, rows)
    seeds = torch.randint(2**62, (len(rows),)).tolist()

    def read(at: int) -> Any:
        rng = np.random.default_rng([seeds[at], int(rows[at])])
        return changed(pictures.decoded(int(rows[at])), augmentation, processing.size, processing.resample, rng)

    return as_inputs(read, len(rows), processing, sized=cuts_out(augmentation))
