"""What a training on token rows learns of them: the likelihood of tokens, or a sum of losses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from runner.builders.language._learning.composed_losses import Lines, composed_parts
from runner.builders.language._learning.compute_context import Machine
from runner.builders.language._learning.frozen_models import Frozen
from runner.builders.language._learning.language_trainee import Parts
from runner.builders.language._learning.likelihood_loss import step_parts
from runner.builders.language._learning.loss_terms import composition
from runner.builders.language._models.base_model import Trained
from runner.builders.language._models.opening import open_weights
from runner.builders.language._rows.examples import Examples
from runner.builders.language._rows.token_rows import TokenRows
from runner.contract import Table, TrainContext


class Learning(Protocol):
    """What is learned."""

    def ready(self, trained: Trained) -> None:
        """Load what lies beside the model that is trained, which is there by now."""

    def parts(self, machine: Machine, examples: Examples) -> Parts:
        """The losses of a step's parts."""

    def tables(self) -> list[Table]:
        """What else the run tells."""

    def release(self) -> None:
        """Give back the memory of what lies beside the model."""


@dataclass(frozen=True)
class Likelihood:
    """The tokens of the rows, their odds smoothed or not."""

    smoothing: float = 0.0

    def ready(self, trained: Trained) -> None:
        """Nothing lies beside it."""

    def parts(self, machine: Machine, examples: Examples) -> Parts:
        return step_parts(machine, examples, smoothing=self.smoothing)

    def tables(self) -> list[Table]:
        return []

    def release(self) -> None:
        """Nothing lies beside it."""


@dataclass(frozen=True)
class DataLines:
    """A step's rows as the data has them, read alike by every model beside the one that is trained."""

    examples: Examples
    models: int
    #: What each of the data's rows is worth more than expected; None where nothing says so.
    advantages: TokenRows | None = None

    @property
    def lengths(self) -> np.ndarray:
        return self.examples.lengths

    @property
    def mass(self) -> np.ndarray:
        return self.examples.mass

    def begin(self, machine: Machine, chosen: np.ndarray) -> Callable[[np.ndarray], Lines]:
        def lines(some: np.ndarray) -> Lines:
            batch = self.examples.batch(some, machine.padding, machine.device)
            better = None
            if self.advantages is not None:
                laid = Examples(self.advantages, self.examples.bins).batch(some, machine.padding, machine.device)
                better = batch.of_counted(laid.weights)
            return Lines(batch, (batch,) * self.models, advantages=better)

        return lines


class ComposedLosses:
    """The losses that the spec's ``losses`` names."""

    def __init__(self, losses: Any, context: TrainContext, advantages: TokenRows | None = None) -> None:
        """``advantages`` has the rows that are learned, and in place of weights what their answers are worth."""
        self._losses, self._context, self._advantages = losses, context, advantages
        self._reference: Frozen | None = None

    def ready(self, trained: Trained) -> None:
        self._reference = reference_of(self._losses, trained, self._context)

    def parts(self, machine: Machine, examples: Examples) -> Parts:
        made = composition(self._losses, machine.model, self._reference)
        return composed_parts(machine, DataLines(examples, len(made.models), self._advantages), made)

    def tables(self) -> list[Table]:
        return []

    def release(self) -> None:
        self._reference = None


def reference_of(losses: Any, trained: Trained, context: TrainContext) -> Frozen | None:
    """The model as training began with it, where a loss compares with it."""
    if losses is None or not losses.beside_reference():
        return None
    found = Frozen(open_weights(trained.folder, context.device))
    # Reading a model may draw from torch's generator or not, as it was read before or not.
    torch.manual_seed(context.seed)
    return found
