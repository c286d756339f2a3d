"""The losses of an epoch's steps, which are looked at seldom: on a GPU a look waits for all that was queued."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from runner.errors import RunFailed

if TYPE_CHECKING:
    import torch

#: Batches between two looks at the loss on a GPU.
LOOK_EVERY = 16


class StepLosses:
    """The epoch's loss, looked at every few batches, in the same order and with the same sums however often."""

    def __init__(self, state: dict[str, Any], every: int, where: str) -> None:
        self._state, self._where, self._every = state, where, every
        self._waiting: list[tuple[torch.Tensor, int, int]] = []

    def add(self, loss: torch.Tensor, rows: int) -> None:
        """The mean loss of the next batch, a scalar on the device."""
        self._waiting.append((loss, rows, self._state["batch"] + 1))
        if len(self._waiting) >= self._every:
            self.look()

    def look(self) -> None:
        """Count what was added. Raises :class:`RunFailed` for the first batch whose loss is no number."""
        import torch

        if not self._waiting:
            return
        values = torch.stack([loss for loss, _, _ in self._waiting]).tolist()
        for value, (_, rows, batch) in zip(values, self._waiting, strict=True):
            if not np.isfinite(value):
                raise RunFailed(
                    f"the loss became {value} in epoch {self._state['epoch']}, batch {batch}",
                    where=f"{self._where}/optimizer",
                    hint="lower learning_rate",
                )
            self._state["loss_sum"] += value * rows
            self._state["rows"] += rows
        self._waiting.clear()
