"""What a builder hands to the training loop, and what it gets back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from runner.training.auto_batch_size import RowsAtOnce
from runner.training.early_stopping import EarlyStopping
from runner.training.gradient_training import DiagnosedTraining, GradientTraining
from runner.training.optimizer_state import OptimizerState
from runner.training.optimizers import Optimizer

if TYPE_CHECKING:
    import torch


class Left(Protocol):
    """What a step leaves for those after it, such as answers that are learned from several times."""

    def tensors(self) -> Mapping[str, torch.Tensor]:
        """All of it."""

    def put(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """The inverse of :meth:`tensors`."""


@dataclass
class Trainee:
    """What a builder trains."""

    module: torch.nn.Module
    optimizer: Optimizer
    #: The rows of an epoch, int ``[n]``, from the epoch's own generator.
    order: Callable[[np.random.Generator], np.ndarray]
    #: Mean loss of a batch of rows (int64 ``[B]``), a scalar with a gradient.
    loss: Callable[[torch.Tensor], torch.Tensor] | None
    #: Validation metrics; the greater ``criterion`` is the better epoch, or the ``lower``. Without it the last is kept.
    #: It may raise :class:`Stopped` when it takes long and the run was asked to stop.
    measure: Callable[[], Mapping[str, float | None]]
    criterion: str = "accuracy"
    #: What is measured with beside the held-out rows, such as tasks: a run that goes on has to measure with the same.
    measured_by: str | None = None
    better: Literal["higher", "lower"] = "higher"
    #: The section that the schedule and the early stopping are taken from, and its pointer in the spec.
    section: GradientTraining | None = None
    where: str = "/model/spec"
    clip_gradient: float | None = None
    #: Whether gradients are computed of the loss times a factor, so that float16 does not lose the small ones.
    loss_scaling: bool = False
    #: Whether ``loss`` wants its rows on the host, to make a batch of: on the device by default.
    rows_on_host: bool = False
    #: The optimizer's state to go on from, of the model that the run starts from.
    start_optimizer: OptimizerState | None = None
    #: In place of ``loss``: the losses of the parts that a step's rows (int64 ``[B]``, numpy) are cut into, one after
    #: the other, each with a gradient; they add up to the step's mean loss. A part is forgotten before the next comes.
    parts: Callable[[np.ndarray], Iterator[torch.Tensor]] | None = None
    #: How many parts' rows make a step: a step takes so many times ``batch_size`` rows.
    accumulation: int = 1
    #: How many of a step's rows go through the module at a time, where it may be found that they are too many.
    at_once: RowsAtOnce | None = None
    #: Measure every so many steps and not after epochs; end after so many steps.
    measure_every: int | None = None
    max_steps: int | None = None
    #: The best measurement's weights are kept; else the last's, which takes no memory.
    keeps_best: bool = True
    #: What the weights and the optimizer of the best are both kept for: a training that starts from the model.
    keeps_optimizer: bool = True
    #: Tokens that a step's rows hold, and how many of them the loss is of, for whoever follows the run.
    tokens: Callable[[np.ndarray], tuple[int, int]] | None = None
    #: What a step leaves for those after it, kept in checkpoints beside the module: a training that goes on has it.
    left: Left | None = None
    #: Figures of the last step beside its loss, by name. Their means since the last measurement are told.
    figures: Callable[[], Mapping[str, float]] | None = None
    #: How far the scores vary, by name, asked after an epoch where the section wants ``diagnostics``.
    spread: Callable[[], Mapping[str, float]] | None = None

    @property
    def early_stopping(self) -> EarlyStopping | None:
        return self.section.early_stopping if self.section is not None else None

    @property
    def min_delta(self) -> float:
        early = self.early_stopping
        return early.min_delta if early is not None else 0.0

    @property
    def diagnosed(self) -> bool:
        return isinstance(self.section, DiagnosedTraining) and self.section.diagnostics

    def goodness(self, measured: Mapping[str, Any]) -> float | None:
        """What is the greater, the better the measurement."""
        value = measured.get(self.criterion)
        return value if value is None or self.better == "higher" else -value


@dataclass
class Fit:
    """How the training went. The module holds the best epoch's weights; ``epochs`` are those that were run."""

    epochs: int
    best_epoch: int
    history: list[dict[str, Any]] = field(default_factory=list)
    #: The optimizer's, after the best epoch.
    optimizer: OptimizerState = field(default_factory=OptimizerState)
    #: The step of the best measurement, where it was measured within an epoch.
    best_step: int | None = None
    #: What a training that may find it has found of ``Trainee.at_once``.
    rows_at_once: int | None = None

    @property
    def parameters(self) -> dict[str, int]:
        """What was found of how to train, as a model's manifest has it."""
        return {} if self.rows_at_once is None else {"rows_at_once": self.rows_at_once}


def save_optimizer(folder: Path, fit: Fit) -> None:
    """Write the best epoch's optimizer into an artifact; :func:`read_optimizer` reads it, for ``start_optimizer``."""
    fit.optimizer.save(folder)
