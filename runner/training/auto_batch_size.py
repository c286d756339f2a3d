"""How many of a step's examples go through a model at a time, and fewer of them where there is no memory for so many.

A step has as many examples however they are cut: its gradients add up, and its loss is the same but for the order of
floating-point sums.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from runner.contract import TrainContext
from runner.training.memory_faults import is_out_of_memory

if TYPE_CHECKING:
    import torch

Done = TypeVar("Done")


@dataclass
class RowsAtOnce:
    """The number, which a training that may find it changes."""

    count: int

    def learn(self, step: Callable[[], Done], forget: Callable[[], None], context: TrainContext) -> Done:
        """What ``step`` gives, with half as many examples at a time as often as there is no memory for them.

        ``forget`` takes back what a step that failed has left. What is drawn at random is drawn anew, so that the step
        is what it would be if it had begun with so few. Raises what ``step`` does for one example.
        """
        while True:
            drawn = _generators(context.device)
            try:
                return step()
            except (RuntimeError, MemoryError) as error:
                if self.count == 1 or not is_out_of_memory(error):
                    raise
            # Behind the handler: the error holds all that the step had computed.
            forget()
            gc.collect()
            _draw_anew(drawn, context.device)
            before, self.count = self.count, -(-self.count // 2)
            told = f"there is no memory for {before} rows at a time: {self.count} from here on, in more parts of a step"
            context.emit("warning", message=told, pointer="/batch_size")


def _generators(device: str) -> list[torch.Tensor]:
    import torch

    return [torch.get_rng_state(), *([torch.cuda.get_rng_state()] if device.startswith("cuda") else [])]


def _draw_anew(states: list[torch.Tensor], device: str) -> None:
    import torch

    torch.set_rng_state(states[0])
    if device.startswith("cuda"):
        torch.cuda.set_rng_state(states[1])
        torch.cuda.empty_cache()
