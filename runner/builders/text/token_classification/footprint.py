"""What training of a tagger will take."""

from __future__ import annotations

from typing import Any

import numpy as np

from runner.builders._finetuning.batched_rows import BatchedRows
from runner.builders._finetuning.pretrained_base import BASE
from runner.builders._memory_estimate import finetuning_estimate, token_batches
from runner.builders._memory_estimate.base_configuration import base_of
from runner.builders._memory_estimate.finetuning_estimate import SHORTER, Exercise
from runner.builders.text.token_classification.stored import batch_of, head_of, tokenizer_of
from runner.builders.text.token_classification.training import kept_types, learned_windows, read_sides
from runner.contract import Footprint, FootprintContext
from runner.data.tagged_tokens.tagged_row import labels_of

#: What is taken for the types of entities of rows that were not read.
UNREAD = ("entity",)


def estimate(spec: Any, context: FootprintContext) -> Footprint:
    """See :func:`runner.builders._memory_estimate.finetuning_estimate.estimate`."""
    data = context.data
    types = UNREAD if data is None else kept_types(context, data.train.types)
    head = head_of(types)
    base, here = base_of(spec, context, head)
    if data is None or not here:
        exercise = finetuning_estimate.unread(spec, context)
    else:
        exercise = _of_windows(spec, context, tokenizer_of(base.source, base.config, BASE), types)
    return finetuning_estimate.estimate(spec, context, base, head, exercise, savings=[SHORTER])


def _of_windows(spec: Any, context: FootprintContext, tokenizer: Any, types: tuple[str, ...]) -> Exercise:
    data: Any = context.data
    windows, held = read_sides(spec, context, tokenizer)
    _, mass, used = learned_windows(spec, windows, data.train.rows, labels_of(types))
    padding = int(tokenizer.pad_token_id or 0)
    batch = batch_of(windows, padding)

    def learned(chosen: np.ndarray) -> dict[str, Any]:
        return batch(used[chosen])

    return Exercise(
        BatchedRows(len(used), learned, token_batches.loss, windows.tokens.lengths[used], mass[used]),
        len(held),
        token_batches.measured(held.tokens.lengths, batch_of(held, padding), context.device),
        token_batches.kept(windows.tokens, held.tokens),
    )
