"""The processes that train one model together, as a builder sees them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Processes:
    """Of several processes that train one model, this one. Here it is alone; the worker hands over others.

    All of them hold the same rows and go through the same steps, each with its share of a step's rows. What is called a
    sum or a word of the first waits for all of them: every process has to come to it.
    """

    #: Counted from 0. The first tells of the training and writes; the others are silent.
    rank: int = 0
    count: int = 1
    #: On how many machines they are.
    nodes: int = 1
    #: Whether each process holds a part of the weights, and not all of them.
    sharded: bool = False

    @property
    def first(self) -> bool:
        return self.rank == 0

    def dealt(self, batches: Sequence[Any]) -> Iterator[tuple[Any, bool]]:
        """This process's of some batches, and whether each counts: all processes get as many, so that none waits for
        one that has nothing to do."""
        for batch in batches:
            yield batch, True

    def shared(self, batches: Sequence[Any]) -> Iterator[tuple[Any, float]]:
        """This process's rows of every batch (numpy) of a step that is learned, and 1; 0 for rows that count elsewhere.

        The gradients of all processes are brought together with the last batch.
        """
        for batch in batches:
            yield batch, 1.0

    def sum(self, values: Any) -> Any:
        """The sum over all processes, of a tensor or an array, in the same shape."""
        return values

    def agreed(self, word: bool) -> bool:
        """What the first process says."""
        return word

    def gathered(self, tensor: Any) -> list[Any]:
        """Every process's tensor (on the CPU, of one shape), by its rank."""
        return [tensor]

    def placed(self, model: Any, device: str) -> Any:
        """The model on its device, or this process's part of it. What is trained of it has been settled before."""
        return model.to(device)

    def learner(self, model: Any) -> Any:
        """What is called in the model's place in a step that is learned, so that gradients are brought together."""
        return model

    def at_rest(self, model: Any) -> Any:
        """The model, its parameters as they are between two steps: to be read, or written."""
        return model

    def whole(self, tensor: Any) -> Any:
        """A parameter, or what an optimizer keeps of one, as a plain tensor of the whole; in the first process."""
        return tensor

    def part(self, tensor: Any, like: Any) -> Any:
        """The inverse: this process's part of a whole tensor that every process has, divided as ``like`` is."""
        return tensor

    def wait(self) -> None:
        """Until all processes are here."""

    def bring(self, folder: Path) -> None:
        """Until what the first process has written in ``folder`` is there for all: on other machines it is copied, and
        what they had there is gone."""
        self.wait()

    @contextmanager
    def first_before(self) -> Iterator[None]:
        """What is done within is done by the first process, and then by the others: what it has fetched or made they
        find in the cache. On another machine, whose cache may be another, one of its own does it before the rest."""
        if not self.first:
            self.wait()
        yield
        if self.first:
            self.wait()
