"""What computes while a language model is trained: the model, how it computes, and this process's share of the rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from runner.builders.language._learning.log_probs import Foretold, foretold
from runner.builders.language._models.base_model import Trained
from runner.builders.language._rows.rendering import Side
from runner.builders.language._rows.token_rows import Batch
from runner.contract import Processes, TrainContext
from runner.training import precision
from runner.training.auto_batch_size import RowsAtOnce
from runner.training.precision import Precision


@dataclass(frozen=True)
class Machine:
    """One process of the training."""

    model: Any
    #: What is called in its place, which brings its gradients together with those of other processes.
    learner: Any
    padding: int
    device: str
    #: What forward passes compute in.
    precision: Precision
    #: Rows of a forward pass, of all processes together.
    at_once: RowsAtOnce
    processes: Processes

    @classmethod
    def of(cls, spec: Any, context: TrainContext, trained: Trained) -> Machine:
        """For a training on ``trained``."""
        return cls(
            trained.model,
            context.processes.learner(trained.model),
            trained.padding,
            context.device,
            computed_in(spec, context),
            RowsAtOnce(context.batch_size if context.at_once is None else context.at_once),
            context.processes,
        )

    def shared(self, examples: np.ndarray, lengths: np.ndarray) -> Iterator[tuple[np.ndarray, float]]:
        """This process's examples of every batch of a step, and 1; 0 for some that count in another process.

        The longest examples come first. ``lengths`` are those of all examples that there are.
        """
        ordered = examples[np.argsort(-lengths[examples], kind="stable")]
        count = self.at_once.count
        batches = [ordered[at : at + count] for at in range(0, len(ordered), count)]
        return self.processes.shared(batches)

    def foretold(self, batch: Batch, *, uniform: bool = False) -> Foretold:
        """What the model makes of a batch, with a gradient."""
        return foretold(self.model, batch, self.precision, uniform=uniform, through=self.learner)

    def sums(self, side: Side, answers: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-likelihoods of answers and the weights of their tokens, ``[len(answers)]`` each, with a gradient."""
        rows, places = side.rows_of(answers)
        found = self.foretold(side.rows.batch(rows, self.padding, self.device))
        sums, counts = found.sums(), found.counts()
        if len(rows) == len(answers):
            return sums, counts
        owners = torch.from_numpy(places).to(self.device)
        none = torch.zeros(len(answers), device=self.device)
        return none.index_add(0, owners, sums), none.index_add(0, owners, counts)

    def tensor(self, values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values.astype(np.float32)).to(self.device)


def computed_in(spec: Any, context: TrainContext) -> Precision:
    """What forward passes compute in while training. See :func:`runner.training.precision.usable`."""
    return precision.usable(spec.precision, context.device, "/model/spec/precision", context.emit)
