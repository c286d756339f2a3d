"""Rows of texts and pictures as batches that a model takes: in training, in measuring and in answering."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from runner.builders.text._targets.target_loss import padded
from runner.builders.vision._talking.pictured_base import PictureProcessor
from runner.builders.vision._talking.pictured_tokens import PicturedTokens


def batch_of(
    ids: Sequence[np.ndarray], pictures: Sequence[Any], processor: PictureProcessor
) -> dict[str, torch.Tensor]:
    """What ``forward`` takes of some rows, filled up on the right; ``pictures`` are all of theirs, row after row."""
    found = {
        "input_ids": padded(ids, int(processor.tokenizer.pad_token_id)),
        "attention_mask": padded([np.ones(len(each), np.int64) for each in ids], 0),
    }
    return found | ({"pixel_values": processor.pixels(pictures)} if pictures else {})


def batched(rows: PicturedTokens, processor: PictureProcessor) -> Callable[[np.ndarray], Mapping[str, torch.Tensor]]:
    """Batches of a side's rows, by their numbers: int64 ``[B]``."""

    def batch(chosen: np.ndarray) -> Mapping[str, torch.Tensor]:
        pictures = [picture for at in chosen for picture in rows.rows[at].pictures]
        return batch_of([rows.ids[at] for at in chosen], pictures, processor)

    return batch
