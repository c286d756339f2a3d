"""The optimizer's state as files beside a model, so that a training that starts from it goes on with it.

The moments are those of the epoch that was kept, and the learning rates those that the epoch after it would have had.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.errors import IntegrityError
from runner.store.tensors import read_tensors, write_tensors
from runner.training.optimizers import Optimizer

TENSORS, STATE = "optimizer.safetensors", "optimizer.json"


@dataclass(frozen=True)
class OptimizerState:
    """What ``Optimizer.state()`` gives: tensors ``optimizer/{parameter}/{slot}``, and the learning rates."""

    tensors: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, optimizer: Optimizer) -> OptimizerState:
        """A copy of the present state."""
        return cls(*optimizer.state())

    def without(self, *parameters: str) -> OptimizerState:
        """The same, but for these parameters: whose rows stand for other things now, say."""
        prefixes = tuple(f"optimizer/{name}/" for name in parameters)
        return OptimizerState({n: t for n, t in self.tensors.items() if not n.startswith(prefixes)}, self.state)

    def put_into(self, optimizer: Optimizer) -> None:
        """Go on from here. A parameter that is new, or of another shape, starts with fresh moments.

        The learning rates are taken where the optimizer has as many groups of parameters as the one that was saved.
        """
        shapes = {name: tuple(parameter.shape) for name, parameter in optimizer.named_parameters().items()}
        slots: dict[str, dict[str, Any]] = {}
        for key, value in self.tensors.items():
            name = key.removeprefix("optimizer/").rpartition("/")[0]
            slots.setdefault(name, {})[key] = value
        fitting = {
            key: value
            for name, own in slots.items()
            # A count of steps has no shape; every moment has its parameter's.
            if name in shapes and all(tuple(value.shape) in ((), shapes[name]) for value in own.values())
            for key, value in own.items()
        }
        present = optimizer.state()[1]["learning_rates"]
        rates = self.state.get("learning_rates", [])
        alike = [len(part) for part in rates] == [len(part) for part in present]
        optimizer.load_state(fitting, {"learning_rates": rates if alike else present})

    def save(self, folder: Path) -> None:
        """Write ``optimizer.safetensors`` and ``optimizer.json``."""
        write_tensors(folder / TENSORS, self.tensors)
        (folder / STATE).write_text(json.dumps({"format": 1} | dict(self.state), indent=1) + "\n", "utf-8")


def read_optimizer(folder: Path) -> OptimizerState | None:
    """What was saved there, or None. Raises :class:`IntegrityError` for files that are something else."""
    if not (folder / STATE).exists():
        return None
    try:
        state = json.loads((folder / STATE).read_text("utf-8"))
        rates = [[float(rate) for rate in part] for part in state["learning_rates"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"not an optimizer's state: {error!r}", where=str(folder / STATE)) from error
    return OptimizerState(read_tensors(folder / TENSORS), {"learning_rates": rates})
