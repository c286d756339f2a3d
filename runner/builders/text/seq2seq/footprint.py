"""What training of a model that turns texts into others will take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from runner.builders._finetuning import pretrained_base
from runner.builders._finetuning.batched_rows import BatchedRows, on_device
from runner.builders._memory_estimate import finetuning_estimate, token_batches
from runner.builders._memory_estimate.base_configuration import base_of
from runner.builders._memory_estimate.finetuning_estimate import Exercise
from runner.builders.text._targets import target_loss
from runner.builders.text._targets.encoder_decoder import HEAD, check_parts
from runner.builders.text._targets.source_tokenizer import open_tokenizer
from runner.builders.text._targets.target_tokens import NOT_LEARNED, CutRows, TargetTokens, encoded
from runner.contract import Footprint, FootprintContext

#: What is not counted.
WRITING = "memory is without what writing the targets of held-out sources takes"
SHORTER = ("a smaller max_length", "a smaller max_target_length")


def estimate(spec: Any, context: FootprintContext) -> Footprint:
    """See :func:`runner.builders._memory_estimate.finetuning_estimate.estimate`."""
    base, here = base_of(spec, context, HEAD)
    exact = context.data is not None and here
    if here:
        check_parts(base)
    if context.data is not None and here:
        tokenizer = open_tokenizer(base.source, pretrained_base.BASE, spec.source_language, spec.target_language)
        sides = ((context.data.train, "train"), (context.data.validation, "validation"))
        learned, held = (encoded(rows, tokenizer, spec, side, context.cache) for rows, side in sides)
        for side in (learned, held):
            side.cut.tell(context.emit, spec)
    else:
        learned = held = _full(token_batches.as_many(spec, context), spec.max_length, spec.max_target_length)
    exercise = Exercise(
        _batched(spec, learned), len(held), _measured(held, context.device), _kept(learned) + _kept(held), exact
    )
    return finetuning_estimate.estimate(
        spec, context, base, HEAD, exercise, notes=[WRITING] if len(held) else [], savings=SHORTER
    )


def _batched(spec: Any, learned: TargetTokens) -> BatchedRows:
    """As the training has them, but that a decoder reads nothing but its start."""

    def loss(output: Any, chosen: np.ndarray) -> torch.Tensor:
        return target_loss.summed_loss(output.logits, _labels(learned, chosen), spec.label_smoothing)

    mass = learned.learned.astype(np.float64)
    return BatchedRows(len(learned), lambda chosen: _batch(learned, chosen), loss, learned.lengths, mass)


def _batch(rows: TargetTokens, chosen: np.ndarray) -> dict[str, torch.Tensor]:
    sources = [rows.sources[at] for at in rows.owners[chosen]]
    return target_loss.batch_of(sources, [rows.labels[at] for at in chosen], torch.zeros_like, 0)


def _labels(rows: TargetTokens, chosen: np.ndarray) -> torch.Tensor:
    return target_loss.padded([rows.labels[at] for at in chosen], NOT_LEARNED)


def _measured(held: TargetTokens, device: str) -> Callable[[Any], Any] | None:
    largest = token_batches.largest_measured(held.lengths) if len(held) else None
    if largest is None:
        return None

    def measure(model: Any) -> Any:
        logits = model(**on_device(_batch(held, largest), device)).logits.float()
        return target_loss.token_losses(logits, _labels(held, largest).to(device)), logits.argmax(dim=-1)

    return measure


def _full(count: int, source: int, target: int) -> TargetTokens:
    """Rows that are as long as may be."""
    return TargetTokens(
        "train",
        [],
        token_batches.full(count, source),
        token_batches.full(count, target),
        np.arange(count),
        CutRows("train"),
    )


def _kept(rows: TargetTokens) -> int:
    return rows.sources.nbytes + rows.labels.nbytes
