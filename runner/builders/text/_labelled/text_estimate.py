"""What a training on texts with classes, labels or numbers will take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runner.builders._finetuning.batched_rows import BatchedRows
from runner.builders._finetuning.opened_tokenizer import open_text_tokenizer
from runner.builders._finetuning.pretrained_base import BASE
from runner.builders._memory_estimate import finetuning_estimate, token_batches
from runner.builders._memory_estimate.base_configuration import base_of
from runner.builders._memory_estimate.finetuning_estimate import SHORTER, Exercise
from runner.builders.text._labelled.target_heads import Targets
from runner.builders.text._labelled.text_training import kept_targets, read_sides
from runner.contract import Footprint, FootprintContext
from runner.data.labelled_texts.labelled_side import LabelledSide

#: What is taken for the targets of rows that were not read.
UNREAD = Targets({"target": ("one", "other")}, False, {})


def estimate(
    spec: Any, context: FootprintContext, learns: Callable[[LabelledSide, Targets], LabelledSide]
) -> Footprint:
    """See :func:`runner.builders._memory_estimate.finetuning_estimate.estimate`.

    ``learns`` gives the rows that are learned of those of training, and raises what the training would raise of them.
    """
    data = context.data
    targets = UNREAD if data is None else kept_targets(context, data.train)
    base, here = base_of(spec, context, targets.head(0))
    if data is None or not here:
        tokens = token_batches.full(token_batches.as_many(spec, context), spec.max_length)
        batch = token_batches.batch_of(tokens)
        learned = BatchedRows(len(tokens), batch, token_batches.loss, tokens.lengths)
        measured = token_batches.measured(tokens.lengths, batch, context.device)
        exercise = Exercise(learned, len(tokens), measured, token_batches.kept(tokens), exact=False)
        return finetuning_estimate.estimate(spec, context, base, targets.head(0), exercise, savings=[SHORTER])
    tokenizer = open_text_tokenizer(base.source, base.config, BASE)
    train, held = read_sides(spec, context, base, tokenizer, learns(data.train, targets), data.validation)
    exercise = Exercise(
        BatchedRows(len(train), train.batch, token_batches.loss, train.lengths),
        len(held),
        token_batches.measured(held.lengths, held.batch, context.device),
        token_batches.kept(train.tokens, held.tokens),
    )
    head = targets.head(int(tokenizer.pad_token_id))
    return finetuning_estimate.estimate(spec, context, base, head, exercise, savings=[SHORTER])
