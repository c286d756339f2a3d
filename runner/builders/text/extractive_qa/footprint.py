"""What training of a model that finds answers in texts will take."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from runner.builders._finetuning import pretrained_base
from runner.builders._finetuning.batched_rows import BatchedRows
from runner.builders._finetuning.opened_tokenizer import open_text_tokenizer
from runner.builders._memory_estimate import finetuning_estimate, token_batches
from runner.builders._memory_estimate.base_configuration import base_of
from runner.builders._memory_estimate.finetuning_estimate import SHORTER, Exercise
from runner.builders.text._windows.question_windows import Sizes, need_places
from runner.builders.text._windows.window_answers import losses
from runner.builders.text.extractive_qa.training import HEAD, read_sides
from runner.contract import Footprint, FootprintContext


def estimate(spec: Any, context: FootprintContext) -> Footprint:
    """See :func:`runner.builders._memory_estimate.finetuning_estimate.estimate`."""
    base, here = base_of(spec, context, HEAD)
    if context.data is None or not here:
        exercise = finetuning_estimate.unread(spec, context, _plain_loss)
    else:
        tokenizer = open_text_tokenizer(base.source, base.config, pretrained_base.BASE)
        need_places(tokenizer, pretrained_base.BASE)
        exercise = _of_windows(spec, context, tokenizer)
    return finetuning_estimate.estimate(spec, context, base, HEAD, exercise, savings=[SHORTER])


def _of_windows(spec: Any, context: FootprintContext, tokenizer: Any) -> Exercise:
    learned, held = read_sides(context, tokenizer, Sizes.of(spec))

    def loss(output: Any, chosen: np.ndarray) -> torch.Tensor:
        return losses(output, learned.windows, learned.gold, chosen).sum()

    return Exercise(
        BatchedRows(len(learned.windows), learned.windows.batch, loss, learned.windows.tokens.lengths),
        len(held.windows),
        token_batches.measured(held.windows.tokens.lengths, held.windows.batch, context.device),
        token_batches.kept(learned.windows.tokens, held.windows.tokens),
    )


def _plain_loss(output: Any, chosen: np.ndarray) -> torch.Tensor:
    return torch.log_softmax(torch.cat([output.start_logits, output.end_logits]).float(), dim=1).sum()
