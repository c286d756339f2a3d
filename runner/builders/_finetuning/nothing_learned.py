"""Whether a training learned anything that can be used: a weight that changed, and numbers that are numbers.

A training may come to its last step and have learned nothing: by a learning rate that no weight is moved by, or by
steps that were all skipped. It may end with weights that are no numbers, where its last step was too large.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from runner.contract import Processes
from runner.errors import RunFailed

#: Values of each weight that are remembered.
REMEMBERED = 4096
OPTIMIZER = "/model/spec/optimizer"


@dataclass(frozen=True)
class Start:
    """The first values of all that trains, as they are before the first step."""

    values: dict[str, torch.Tensor]

    @classmethod
    def of(cls, model: Any, processes: Processes) -> Start:
        """Of weights that are divided among processes nothing is remembered."""
        if processes.sharded:
            return cls({})
        return cls({name: _first(weight).clone() for name, weight in _trained(model).items()})

    def check(self, model: Any, *, may_stay: bool = False) -> None:
        """Raise :class:`RunFailed` for a trained model whose weights are no numbers, or what they were, unless they
        may stay so: where the best that was measured is the beginning."""
        if not self.values:
            return
        weights = _trained(model)
        if broken := next((name for name, weight in weights.items() if not torch.isfinite(weight).all()), None):
            raise RunFailed(
                f"{broken} has values that are no numbers after the training",
                where=OPTIMIZER,
                hint="lower learning_rate",
            )
        if not may_stay and all(torch.equal(_first(weights[name]), value) for name, value in self.values.items()):
            raise RunFailed(
                "nothing was learned: no weight has changed in all steps",
                where=OPTIMIZER,
                hint="raise learning_rate, or train for more steps",
            )


def need_numbers(metrics: Mapping[str, float | None]) -> None:
    """Raise :class:`RunFailed` for a metric that is no number."""
    for name, value in metrics.items():
        if value is not None and not math.isfinite(value):
            raise RunFailed(f"{name} became {value} on held-out rows", where=OPTIMIZER, hint="lower learning_rate")


def _trained(model: Any) -> dict[str, torch.Tensor]:
    return {name: weight.detach() for name, weight in model.named_parameters() if weight.requires_grad}


def _first(weight: torch.Tensor) -> torch.Tensor:
    return weight.detach().flatten()[:REMEMBERED]
