"""Batches of pictures as shapes: how large they are is known of the model that reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from runner.builders._finetuning.batched_rows import BatchedRows
from runner.builders._memory_estimate import token_batches
from runner.builders._memory_estimate.finetuning_estimate import Exercise
from runner.contract import FootprintContext

#: Bytes of a number of a picture.
FLOAT = 4


def exercise(
    spec: Any,
    context: FootprintContext,
    size: tuple[int, int],
    measured: int,
    *,
    loss: Callable[[Any, np.ndarray], torch.Tensor] = token_batches.loss,
    more: Callable[[np.ndarray], Mapping[str, Any]] = lambda some: {},
    decoded: int = 0,
    whole: Callable[[Any], Any] = lambda model: model,
) -> Exercise:
    """What pictures of one height and width are to a training; ``measured`` of them are measured at a time.

    ``more`` is what a model takes beside some pictures, ``decoded`` the bytes of those of a batch before they are
    brought to that size, ``whole`` gives what trains of a model. A batch is stacked of its pictures' arrays, which are
    there beside it.
    """
    height, width = size
    at_once = context.at_once or context.batch_size
    data = context.data
    count = token_batches.as_many(spec, context) if data is None else len(data.train)
    held = count if data is None else len(data.validation)

    def pixels(some: np.ndarray) -> dict[str, Any]:
        return {"pixel_values": torch.empty(len(some), 3, height, width)}

    return Exercise(
        BatchedRows(count, lambda some: {**pixels(some), **more(some)}, loss),
        held,
        token_batches.measured(held, lambda some: {**pixels(some), **more(some)}, context.device, measured),
        min(at_once, count) * 3 * height * width * FLOAT + decoded,
        exact=data is not None,
        unit="pictures",
        whole=whole,
    )
