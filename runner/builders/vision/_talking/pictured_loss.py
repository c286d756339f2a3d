"""How likely a model finds answers about pictures: the loss that it learns by, and what is measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from runner.builders._finetuning.batched_rows import forward_batches, measured_batches
from runner.builders.text._targets.target_loss import Foretold, padded
from runner.builders.text._targets.target_tokens import NOT_LEARNED
from runner.builders.vision._talking.pictured_base import PictureProcessor
from runner.builders.vision._talking.pictured_batches import batched
from runner.builders.vision._talking.pictured_tokens import PicturedTokens


def summed_loss(logits: torch.Tensor, labels: Sequence[np.ndarray]) -> torch.Tensor:
    """The sum of the negative log-likelihoods of learned tokens, float32 ``[]``, of logits ``[B, T, V]``."""
    wanted = padded(labels, NOT_LEARNED).to(logits.device)[:, 1:]
    places = wanted != NOT_LEARNED
    # Logits of the other places, pictures among them, are of no use and of much size.
    return torch.nn.functional.cross_entropy(logits[:, :-1][places].float(), wanted[places], reduction="sum")


def foretold(
    model: Any,
    rows: PicturedTokens,
    processor: PictureProcessor,
    device: str,
    stop_requested: Callable[[], bool] = lambda: False,
    at_once: int = 16,
) -> Foretold:
    """Every row of a side, in float32 and without dropout. Raises :class:`Stopped` when asked to stop."""
    loss, tokens, hits = found = np.zeros((3, len(rows)))
    batches = measured_batches(rows.lengths, at_once) if len(rows) else []
    for chosen, outputs in forward_batches(model, batches, batched(rows, processor), device, stop_requested):
        labels = padded([rows.labels[at] for at in chosen], NOT_LEARNED).to(outputs.logits.device)[:, 1:]
        logits = outputs.logits[:, :-1].float()
        each = torch.nn.functional.cross_entropy(
            logits.transpose(1, 2), labels, ignore_index=NOT_LEARNED, reduction="none"
        )
        known = labels != NOT_LEARNED
        loss[chosen] = each.double().sum(dim=1).cpu().numpy()
        tokens[chosen] = known.sum(dim=1).cpu().numpy()
        hits[chosen] = ((logits.argmax(dim=-1) == labels) & known).sum(dim=1).cpu().numpy()
    return Foretold(*found)
