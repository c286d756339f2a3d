"""The odds of drawn tokens at the temperature that they were drawn at, and what they are said to be worth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from runner.builders.language._learning.chunked_log_probs import last_layer, odds, odds_of
from runner.builders.language._learning.compute_context import Machine
from runner.builders.language._learning.log_probs import at_places
from runner.builders.language._reinforcing.experience import Experience
from runner.builders.language._rows.token_rows import Batch
from runner.training.precision import Precision, arithmetic
from runner.training.without_dropout import without_dropout


class _Tempered:
    """A last layer whose output is divided by a temperature."""

    def __init__(self, head: Any, temperature: float) -> None:
        self._head, self._temperature, self.weight = head, temperature, head.weight

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self._head(hidden)
        return found if self._temperature == 1 else found / self._temperature


def log_probs(
    model: Any, batch: Batch, temperature: float, precision: Precision, values: nn.Module | None = None
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Of every token of a batch that counts its logarithm of odds, float32 ``[N]``; and what ``values`` makes of what
    the last layer reads before it, ``[N]``, where that is asked for."""
    head = last_layer(model)
    with arithmetic(batch.ids.device.type, precision):
        out = at_places(model, head, batch)
        if head is None:
            found, _, _ = odds(out if temperature == 1 else out / temperature, batch.tokens, uniform=False)
        else:
            found, _, _ = odds_of(_Tempered(head, temperature), out, batch.tokens, uniform=False)
    return found, None if values is None else values(out.float()).squeeze(1)


def known_by(
    model: Any,
    experience: Experience,
    machine: Machine,
    temperature: float,
    size: int,
    values: nn.Module | None = None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """The same of all tokens that count, without gradients and dropout: float32 ``[all]``. ``size`` rows at a time."""
    found: list[np.ndarray] = []
    worth: list[np.ndarray] = []
    with without_dropout(model), torch.no_grad():
        for rows in parts_of(len(experience), size):
            batch = experience.rows.batch(rows, machine.padding, machine.device)
            logs, said = log_probs(model, batch, temperature, machine.precision, values)
            found.append(logs.float().cpu().numpy())
            if said is not None:
                worth.append(said.float().cpu().numpy())
    return np.concatenate(found), np.concatenate(worth) if worth else None


def parts_of(count: int, size: int) -> Iterator[np.ndarray]:
    """The numbers ``0 ... count - 1``, ``size`` of them at a time."""
    for at in range(0, count, size):
        yield np.arange(at, min(at + size, count))
