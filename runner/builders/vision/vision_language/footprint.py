"""What training to answer about pictures will take: rows as the model reads them, a picture's tokens among theirs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from runner.builders._finetuning.batched_rows import BatchedRows
from runner.builders._finetuning.pretrained_base import BASE
from runner.builders._memory_estimate import finetuning_estimate, token_batches
from runner.builders._memory_estimate.base_configuration import base_of
from runner.builders._memory_estimate.finetuning_estimate import SHORTER, Exercise
from runner.builders.vision._talking.pictured_base import PictureProcessor, check_form, head_of
from runner.builders.vision._talking.pictured_tokens import PicturedTokens, encoded
from runner.chat.renderer import ChatRenderer
from runner.contract import Footprint, FootprintContext

#: What is not counted.
ANSWERS = "memory is without what answering held-out rows takes, and without pictures as they are decoded"
#: Rows that are measured at a time.
MEASURED = 16


def _unchecked(model: Any) -> Any:
    """The model without its own check that a picture's tokens are as many as its features: shapes have no numbers to
    count. :meth:`PictureProcessor.check` sees to it before a training."""
    plain = model.get_base_model() if hasattr(model, "get_base_model") else model

    def places(input_ids: torch.Tensor, inputs_embeds: torch.Tensor, image_features: torch.Tensor) -> torch.Tensor:
        return (input_ids == plain.config.image_token_id).unsqueeze(-1).expand_as(inputs_embeds)

    plain.model.get_placeholder_mask = places
    return model


def estimate(spec: Any, context: FootprintContext) -> Footprint:
    """See :func:`runner.builders._memory_estimate.finetuning_estimate.estimate`."""
    head = head_of(spec)
    base, here = base_of(spec, context, head)
    check_form(base)
    data = context.data
    if data is None or not here:
        exercise, told = finetuning_estimate.unread(spec, context), [ANSWERS, "pictures are counted as their tokens"]
        return finetuning_estimate.estimate(spec, context, base, head, exercise, notes=told, savings=[SHORTER])
    processor = PictureProcessor.of_folder(base.source, base.config, f"{BASE}: {base.folder}")
    renderer = ChatRenderer.of(processor.tokenizer, spec.chat.template, picture=processor.token)
    train = encoded(data.train, processor, renderer, spec.max_length, "train")
    held = encoded(data.validation, processor, renderer, spec.max_length, "validation")
    size = processor.size

    def batch(rows: PicturedTokens) -> token_batches.Batch:
        def made(some: np.ndarray) -> Mapping[str, Any]:
            longest = int(rows.lengths[some].max())
            pictures = sum(len(rows.rows[at].pictures) for at in some)
            found = {
                name: torch.zeros(len(some), longest, dtype=torch.int64) for name in ("input_ids", "attention_mask")
            }
            return found | ({"pixel_values": torch.empty(pictures, 3, *size)} if pictures else {})

        return made

    exercise = Exercise(
        BatchedRows(len(train), batch(train), token_batches.loss, train.lengths, train.learned.astype(np.float64)),
        len(held),
        token_batches.measured(held.lengths, batch(held), context.device, MEASURED) if len(held) else None,
        sum(each.nbytes for side in (train, held) for rows in (side.ids, side.labels) for each in rows),
        whole=_unchecked,
    )
    beside = {
        "picture_size": list(size),
        "tokens_per_picture": processor.count,
        "picture_tokens": train.picture_tokens,
    }
    return finetuning_estimate.estimate(
        spec, context, base, head, exercise, notes=[ANSWERS], savings=[SHORTER], beside=beside
    )
