"""Rows as tokens, those of the data or as long as they may be, and the batch of them that measuring takes most for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from runner.builders._finetuning.batched_rows import MEASURED_ROWS, measured_batches, on_device
from runner.contract import FootprintContext
from runner.training.tokens import Tokens

#: What a model takes of some rows, int64 ``[B]``.
Batch = Callable[[np.ndarray], Mapping[str, Any]]


def as_many(spec: Any, context: FootprintContext) -> int:
    """How many rows stand for those that were not read: a step's, two batches of it at most."""
    return min(spec.step_rows(context.batch_size), 2 * (context.at_once or context.batch_size))


def full(count: int, length: int) -> Tokens:
    """Rows that are as long as may be."""
    return Tokens.of([[0] * length] * count)


def batch_of(tokens: Tokens) -> Batch:
    """Ids and mask of some rows, int64 ``[B, T]``."""

    def batch(some: np.ndarray) -> Mapping[str, Any]:
        ids, mask = tokens.padded(some, 0)
        return {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}

    return batch


def loss(output: Any, some: np.ndarray) -> torch.Tensor:
    """A loss over logits, of the size of those that kinds learn by: nothing of it is as large as a layer of a model."""
    return torch.log_softmax(output.logits.float(), dim=-1).sum()


def measured(
    lengths: np.ndarray | int, batch: Batch, device: str, at_most: int = MEASURED_ROWS
) -> Callable[[Any], Any] | None:
    """What puts the largest batch that is measured through a model; None where no row is held out. ``lengths`` are
    tokens, int64 ``[n]``, or how many rows there are."""
    largest = largest_measured(lengths, at_most)
    return None if largest is None else lambda model: model(**on_device(batch(largest), device))


def largest_measured(lengths: np.ndarray | int, at_most: int = MEASURED_ROWS) -> np.ndarray | None:
    """The rows of the largest batch that is measured, int64 ``[B]``; None where no row is held out."""
    batches = measured_batches(lengths, at_most)
    if not batches:
        return None
    if isinstance(lengths, int):
        return batches[0]
    return max(batches, key=lambda some: int(lengths[some].max()) * len(some))


def kept(*sides: Tokens) -> int:
    """Bytes of tokens."""
    return sum(side.nbytes for side in sides)
