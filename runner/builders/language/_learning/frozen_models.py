"""A model beside the one that is trained, which tells the odds of tokens and learns nothing: a teacher, a reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch

from runner.builders.language._learning.chunked_log_probs import last_layer
from runner.builders.language._learning.log_probs import at_places
from runner.builders.language._rows.token_rows import Batch


@dataclass(frozen=True)
class Read:
    """What a frozen model's last layer reads at the tokens that count, ``[N, width]``; or its logits, without one."""

    head: Any
    hidden: torch.Tensor

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Those of some of the places, float32 ``[n, V]``, in the model's own dtype."""
        with torch.no_grad(), torch.autocast(hidden.device.type, enabled=False):
            found: torch.Tensor = hidden if self.head is None else self.head(hidden)
        return found.float()


class Beside(Protocol):
    """What tells odds beside the model that is trained."""

    def read(self, lines: Any) -> Read:
        """What it makes of the rows of a batch."""


class Frozen:
    """The model, without dropout and without gradients."""

    def __init__(self, model: Any) -> None:
        self.model = model.eval().requires_grad_(False)
        self._head = last_layer(model)

    def read(self, batch: Batch) -> Read:
        with torch.no_grad():
            return Read(self._head, at_places(self.model, self._head, batch))
