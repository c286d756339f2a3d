"""The torch training loop that builders share: epochs of batches, best epoch kept, resumable to the bit.

A checkpoint holds what trains of the module, the optimizer, both as they were after the best epoch so far, and every
generator's state, at a batch's border, so a run that was stopped or killed ends as it would have without. Parameters
that are frozen are neither copied nor saved.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runner.contract import TrainContext
from runner.errors import RunFailed, Stopped
from runner.store.tensors import as_torch
from runner.training import schedules
from runner.training.early_stopping import EarlyStopping, Waiting, told
from runner.training.gradient_norms import GradientNorms
from runner.training.gradient_training import DiagnosedTraining, GradientTraining
from runner.training.optimizer_state import OptimizerState, read_optimizer
from runner.training.optimizers import Optimizer
from runner.training.pace import Every

if TYPE_CHECKING:
    import torch

__all__ = ["Fit", "OptimizerState", "Trainee", "fit", "read_optimizer", "save_optimizer"]

#: Batches between two looks at the loss on a GPU: each look waits for all that was queued.
LOOK_EVERY = 16
#: Saving may take this share of the time; a checkpoint that costs more is taken less often.
CHECKPOINT_SHARE = 0.1


@dataclass
class Trainee:
    """What a builder trains."""

    module: torch.nn.Module
    optimizer: Optimizer
    #: The rows of an epoch, int ``[n]``, from the epoch's own generator.
    order: Callable[[np.random.Generator], np.ndarray]
    #: Mean loss of a batch of rows (int64 ``[B]``), a scalar with a gradient.
    loss: Callable[[torch.Tensor], torch.Tensor]
    #: Validation metrics; the greater ``criterion`` is the better epoch. Without it the last epoch is kept.
    #: It may raise :class:`Stopped` when it takes long and the run was asked to stop.
    measure: Callable[[], Mapping[str, float | None]]
    criterion: str = "accuracy"
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
    #: How far the scores vary, by name, asked after an epoch where the section wants ``diagnostics``.
    spread: Callable[[], Mapping[str, float]] | None = None


@dataclass
class Fit:
    """How the training went. The module holds the best epoch's weights; ``epochs`` are those that were run."""

    epochs: int
    best_epoch: int
    history: list[dict[str, Any]] = field(default_factory=list)
    #: The optimizer's, after the best epoch.
    optimizer: OptimizerState = field(default_factory=OptimizerState)


def save_optimizer(folder: Path, fit: Fit) -> None:
    """Write the best epoch's optimizer into an artifact; :func:`read_optimizer` reads it, for ``start_optimizer``."""
    fit.optimizer.save(folder)


def fit(task: Trainee, context: TrainContext) -> Fit:
    """Train ``context.epochs`` epochs, fewer where they are stopped early, or go on from the newest checkpoint.

    Raises :class:`Stopped` after saving a checkpoint when the run was asked to stop, :class:`RunFailed` when
    the loss is no number any more, and :class:`~runner.errors.DataError` for a warm-up longer than the training.
    """
    import torch

    state: dict[str, Any] = {
        "epoch": 1,
        "batch": 0,
        "loss_sum": 0.0,
        "rows": 0,
        "best_epoch": 0,
        "best": None,
        "history": [],
    }
    best, waiting, schedule = _Best(), Waiting(), _Schedule.of(task, context)
    scaler = torch.amp.GradScaler(context.device.partition(":")[0], enabled=task.loss_scaling)
    checkpoint = context.checkpoints.latest()
    if checkpoint is not None:
        state = dict(checkpoint.state)
        best = _restore(task, checkpoint.tensors, state)
        for row in state["history"]:
            waiting.see(row.get(task.criterion), _min_delta(task))
        scaler.load_state_dict(state.pop("loss_scale", None) or scaler.state_dict())
        context.emit("resumed", step=checkpoint.step, epoch=state["epoch"], batch=state["batch"])
    elif task.start_optimizer is not None:
        task.start_optimizer.put_into(task.optimizer)
    norms = GradientNorms(task.module, context.device, state) if _diagnosed(task) else None
    losses = _Losses(state, LOOK_EVERY if context.device.startswith("cuda") else 1, task.where)
    saved_at, save_seconds = time.monotonic(), 0.0
    progress = Every(0.25)

    while not _over(task, context, state, waiting):
        epoch = state["epoch"]
        rows = task.order(np.random.default_rng([context.seed, epoch]))
        size = max(1, context.batch_size)
        batches = -(-len(rows) // size)
        task.module.train()
        while state["batch"] < batches:
            if context.stop_requested():
                losses.look()
                if norms is not None:
                    norms.look()
                context.stop_here(_step(state, batches), *_snapshot(task, state, best, scaler))
            schedule.take(_step(state, batches))
            batch = rows[state["batch"] * size : (state["batch"] + 1) * size]
            picked = torch.from_numpy(batch)
            loss = task.loss(picked if task.rows_on_host else picked.to(context.device))
            losses.add(loss.detach(), len(batch))
            task.optimizer.zero_grad()
            scaler.scale(loss).backward()
            for part in task.optimizer.parts:
                scaler.unscale_(part)
            if norms is not None:
                norms.add()
            if task.clip_gradient is not None:
                torch.nn.utils.clip_grad_norm_(task.module.parameters(), task.clip_gradient)
            for part in task.optimizer.parts:
                scaler.step(part)
            scaler.update()
            state["batch"] += 1
            if progress.due():
                losses.look()
                _progress(context, state, batches)
        losses.look()
        if norms is not None:
            norms.look()
        try:
            _end_epoch(task, context, state, best, waiting, norms)
        except Stopped:
            # The epoch is learned but not measured, which is what the next run begins with.
            context.checkpoints.save(_step(state, batches), *_snapshot(task, state, best, scaler))
            raise
        now = time.monotonic()
        if _over(task, context, state, waiting) or save_seconds <= CHECKPOINT_SHARE * (now - saved_at):
            context.checkpoints.save(_step(state, batches), *_snapshot(task, state, best, scaler))
            saved_at = time.monotonic()
            save_seconds = saved_at - now
    if best.module:
        _put(task.module, best.module)
    early = _early_stopping(task)
    if early is not None and state["epoch"] <= context.epochs:
        context.emit("stopped_early", **told(early, len(state["history"]), context.epochs, "epochs"))
    task.module.eval()
    return Fit(len(state["history"]), state["best_epoch"], state["history"], best.optimizer)


def _over(task: Trainee, context: TrainContext, state: Mapping[str, Any], waiting: Waiting) -> bool:
    """Whether all epochs are done, or too many without an improvement."""
    return state["epoch"] > context.epochs or waiting.over(_early_stopping(task))


def _early_stopping(task: Trainee) -> EarlyStopping | None:
    return task.section.early_stopping if task.section is not None else None


def _diagnosed(task: Trainee) -> bool:
    return isinstance(task.section, DiagnosedTraining) and task.section.diagnostics


def _min_delta(task: Trainee) -> float:
    early = _early_stopping(task)
    return early.min_delta if early is not None else 0.0


@dataclass(frozen=True)
class _Schedule:
    """The schedule over the steps of the whole training, however much of it early stopping leaves."""

    optimizer: Optimizer
    section: schedules.Constant | schedules.Linear | schedules.Cosine | None
    steps: int = 0

    @classmethod
    def of(cls, task: Trainee, context: TrainContext) -> _Schedule:
        """Raises :class:`~runner.errors.DataError` for a warm-up that is longer than the training."""
        section = task.section.schedule if task.section is not None else None
        if section is None:
            return cls(task.optimizer, None)
        # Every epoch has as many rows as the first.
        rows = len(task.order(np.random.default_rng([context.seed, 1])))
        steps = context.epochs * -(-rows // max(1, context.batch_size))
        schedules.check_length(section, steps, f"{task.where}/schedule")
        return cls(task.optimizer, section, steps)

    def take(self, step: int) -> None:
        """Set the learning rates of step ``step``, counted from 0."""
        if self.section is not None:
            self.optimizer.follow(schedules.factor(self.section, step, self.steps))


@dataclass
class _Best:
    """The best epoch so far: what trains of the module, and the optimizer after it."""

    module: dict[str, torch.Tensor] = field(default_factory=dict)
    optimizer: OptimizerState = field(default_factory=OptimizerState)


class _Losses:
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


def _end_epoch(
    task: Trainee,
    context: TrainContext,
    state: dict[str, Any],
    best: _Best,
    waiting: Waiting,
    norms: GradientNorms | None,
) -> None:
    import torch

    epoch = state["epoch"]
    task.module.eval()
    with torch.no_grad():
        measured = dict(task.measure())
        spread = dict(task.spread()) if norms is not None and task.spread is not None else {}
    learning_rate = task.optimizer.learning_rate
    task.optimizer.end_epoch()
    metrics = {"train_loss": state["loss_sum"] / max(1, state["rows"])} | measured | {"learning_rate": learning_rate}
    value = measured.get(task.criterion)
    waiting.see(value, _min_delta(task))
    if value is None and epoch == 1 and _early_stopping(task) is not None:
        context.emit(
            "warning",
            message=f"nothing ends the training early: {task.criterion} cannot be measured on the held-out rows",
            pointer=f"{task.where}/early_stopping",
        )
    # Without validation data the newest epoch is the best there is.
    improved = value is None or state["best"] is None or value > state["best"]
    if improved:
        state["best"], state["best_epoch"] = value, epoch
        best.module = {name: tensor.detach().clone() for name, tensor in _learnt(task.module).items()}
        best.optimizer = OptimizerState.of(task.optimizer)
    state["history"].append({"epoch": epoch} | metrics)
    inside = {} if norms is None else {"diagnostics": norms.end_epoch() | spread}
    context.emit("epoch", epoch=epoch, epochs=context.epochs, metrics=metrics, **inside, best=improved)
    state.update(epoch=epoch + 1, batch=0, loss_sum=0.0, rows=0)


def _progress(context: TrainContext, state: dict[str, Any], batches: int) -> None:
    context.emit(
        "progress",
        done=state["batch"],
        total=batches,
        unit="batches",
        epoch=state["epoch"],
        epochs=context.epochs,
        metrics={"train_loss": state["loss_sum"] / state["rows"]},
    )


def _step(state: dict[str, Any], batches: int) -> int:
    return int((state["epoch"] - 1) * batches + state["batch"])


def _learnt(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """What training changes: parameters that are not frozen, and buffers."""
    trained = {name: parameter for name, parameter in module.named_parameters() if parameter.requires_grad}
    return trained | dict(module.named_buffers())


def _put(module: torch.nn.Module, tensors: Mapping[str, torch.Tensor]) -> None:
    """The inverse of :func:`_learnt`. Raises ``KeyError`` where the tensors are another module's."""
    import torch

    with torch.no_grad():
        for name, tensor in _learnt(module).items():
            tensor.copy_(tensors[name])


def _snapshot(
    task: Trainee, state: dict[str, Any], best: _Best, scaler: torch.amp.GradScaler
) -> tuple[dict[str, Any], dict[str, Any]]:
    import torch

    optimizer, optimizer_state = task.optimizer.state()
    tensors: dict[str, Any] = {f"model/{name}": tensor for name, tensor in _learnt(task.module).items()}
    tensors |= {f"best/{name}": tensor for name, tensor in best.module.items()}
    tensors |= {f"best_{name}": tensor for name, tensor in best.optimizer.tensors.items()}
    tensors |= optimizer
    tensors["generator/cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["generator/cuda"] = torch.cuda.get_rng_state()
    scale = {"loss_scale": scaler.state_dict()} if task.loss_scaling else {}
    return tensors, state | {"optimizer": optimizer_state, "best_optimizer": dict(best.optimizer.state)} | scale


def _restore(task: Trainee, tensors: Mapping[str, Any], state: dict[str, Any]) -> _Best:
    import torch

    def part(prefix: str) -> dict[str, torch.Tensor]:
        return {
            name.removeprefix(prefix): as_torch(value) for name, value in tensors.items() if name.startswith(prefix)
        }

    _put(task.module, part("model/"))
    task.optimizer.load_state(tensors, state.pop("optimizer"))
    generators = part("generator/")
    torch.set_rng_state(generators["cpu"])
    if "cuda" in generators and torch.cuda.is_available():
        torch.cuda.set_rng_state(generators["cuda"])
    kept = {f"optimizer/{name}": value for name, value in part("best_optimizer/").items()}
    return _Best(part("best/"), OptimizerState(kept, state.pop("best_optimizer")))
