"""How long a training is, in steps, and after which of them it is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Length:
    """The length of a training by gradient steps, and where its loop is in it."""

    #: Rows of a step, steps of an epoch, steps in all.
    size: int
    batches: int
    total: int
    #: Measured every so many steps; None: after every epoch.
    every: int | None
    #: Whether its epochs are few and long, so that it is told of by step, and saved within them.
    long: bool

    @classmethod
    def of(
        cls, rows: int, size: int, epochs: int, *, every: int | None = None, max_steps: int | None = None, long: bool
    ) -> Length:
        """Of a training whose epochs have ``rows`` rows, ``size`` of them a step."""
        batches = -(-rows // size)
        whole = epochs * batches
        return cls(size, batches, whole if max_steps is None else min(whole, max_steps), every, long)

    def step(self, state: Mapping[str, Any]) -> int:
        """How many steps are done."""
        return int((state["epoch"] - 1) * self.batches + state["batch"])

    def measured_within(self, done: int) -> bool:
        """Whether it is measured now, and not as the end of an epoch."""
        if self.every is not None:
            return done % self.every == 0 or done == self.total
        return done == self.total and done % self.batches != 0

    def done(self, state: Mapping[str, Any]) -> bool:
        return self.step(state) >= self.total

    def epochs_done(self, state: Mapping[str, Any]) -> int:
        """Epochs that were begun."""
        return -(-self.step(state) // max(1, self.batches))
