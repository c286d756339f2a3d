"""The torch training loop that builders share: epochs of batches, the best one kept, resumable to the bit.

What is trained is measured after every epoch, or every few steps where epochs are few. A checkpoint holds what trains
of the module, the optimizer, both as they were at the best measurement so far, and every generator's state, at a
step's border, so a run that was stopped or killed ends as it would have without. Parameters that are frozen are neither
copied nor saved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

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
from runner.training.pace import Every, Saving
from runner.training.training_length import Length

if TYPE_CHECKING:
    import torch

__all__ = ["Fit", "OptimizerState", "Trainee", "fit", "read_optimizer", "save_optimizer"]

#: Batches between two looks at the loss on a GPU: each look waits for all that was queued.
LOOK_EVERY = 16


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
    #: Measure every so many steps and not after epochs; end after so many steps.
    measure_every: int | None = None
    max_steps: int | None = None
    #: The best measurement's weights are kept; else the last's, which takes no memory.
    keeps_best: bool = True
    #: What the weights and the optimizer of the best are both kept for: a training that starts from the model.
    keeps_optimizer: bool = True
    #: Tokens that a step's rows hold, for whoever follows the run.
    tokens: Callable[[np.ndarray], int] | None = None
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
    #: The step of the best measurement, where it was measured within an epoch.
    best_step: int | None = None


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
    # Every epoch has as many rows as the first.
    length = Length.of(
        len(task.order(np.random.default_rng([context.seed, 1]))),
        max(1, context.batch_size) * task.accumulation,
        context.epochs,
        every=task.measure_every,
        max_steps=task.max_steps,
        long=task.parts is not None,
    )
    best, waiting, schedule = _Best(), Waiting(), _Schedule.of(task, length)
    scaler = torch.amp.GradScaler(context.device.partition(":")[0], enabled=task.loss_scaling)
    checkpoint = context.checkpoints.latest()
    if checkpoint is not None:
        state = dict(checkpoint.state)
        best = _restore(task, checkpoint.tensors, state)
        for row in state["history"]:
            waiting.see(_goodness(task, row), _min_delta(task))
        scaler.load_state_dict(state.pop("loss_scale", None) or scaler.state_dict())
        context.emit("resumed", step=checkpoint.step, epoch=state["epoch"], batch=state["batch"])
    elif task.start_optimizer is not None:
        task.start_optimizer.put_into(task.optimizer)
    norms = GradientNorms(task.module, context.device, state) if _diagnosed(task) else None
    losses = _Losses(state, LOOK_EVERY if context.device.startswith("cuda") else 1, task.where)
    progress = Every(0.25)

    def save() -> None:
        context.checkpoints.save(length.step(state), *_snapshot(task, state, best, scaler))

    saving = Saving(save)
    if state.get("due"):
        _measure(task, context, state, best, waiting, length, saving)
    while not _over(task, state, waiting, length):
        rows = task.order(np.random.default_rng([context.seed, state["epoch"]]))
        task.module.train()
        while state["batch"] < length.batches and not _over(task, state, waiting, length):
            step = length.step(state)
            if context.stop_requested():
                losses.look()
                if norms is not None:
                    norms.look()
                context.stop_here(step, *_snapshot(task, state, best, scaler))
            schedule.take(step)
            batch = rows[state["batch"] * length.size : (state["batch"] + 1) * length.size]
            task.optimizer.zero_grad()
            losses.add(_backward(task, batch, scaler, context.device), len(batch))
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
            if task.tokens is not None:
                state["tokens"] = state.get("tokens", 0) + task.tokens(batch)
            if length.measured_within(step + 1):
                losses.look()
                _measure(task, context, state, best, waiting, length, saving)
                task.module.train()
            elif progress.due():
                losses.look()
                _progress(context, state, length)
                if length.long:
                    saving.if_cheap()
        losses.look()
        if norms is not None:
            norms.look()
        if state["batch"] < length.batches:
            break
        if length.every is not None:
            # What there was to measure is measured.
            task.optimizer.end_epoch()
            state.update(epoch=state["epoch"] + 1, batch=0)
            continue
        try:
            _end_epoch(task, context, state, best, waiting, norms)
        except Stopped:
            # The epoch is learned but not measured, which is what the next run begins with.
            save()
            raise
        saving.if_cheap(last=_over(task, state, waiting, length))
    if best.module:
        _put(task.module, best.module)
    early = _early_stopping(task)
    if early is not None and waiting.over(early) and not length.done(state):
        done, total, unit = (
            (len(state["history"]), context.epochs, "epochs")
            if length.every is None
            else (length.step(state), length.total, "steps")
        )
        context.emit("stopped_early", **told(early, done, total, unit))
    task.module.eval()
    return Fit(length.epochs_done(state), state["best_epoch"], state["history"], best.optimizer, state.get("best_step"))


def _backward(task: Trainee, rows: np.ndarray, scaler: torch.amp.GradScaler, device: str) -> torch.Tensor:
    """Add up the gradients of a step; the step's mean loss, without one."""
    import torch

    if task.parts is not None:
        total = torch.zeros((), device=device)
        for part in task.parts(rows):
            scaler.scale(part).backward()
            total += part.detach()
        return total
    assert task.loss is not None
    picked = torch.from_numpy(rows)
    loss = task.loss(picked if task.rows_on_host else picked.to(device))
    scaler.scale(loss).backward()
    return loss.detach()


def _over(task: Trainee, state: Mapping[str, Any], waiting: Waiting, length: Length) -> bool:
    """Whether all steps are done and measured, or too many measurements were no improvement."""
    # An epoch that is learned is not over before it is measured, or the next is begun.
    ended = state["batch"] < length.batches and length.done(state)
    return ended or waiting.over(_early_stopping(task))


def _goodness(task: Trainee, measured: Mapping[str, Any]) -> float | None:
    """What is the greater, the better the measurement."""
    value = measured.get(task.criterion)
    return value if value is None or task.better == "higher" else -value


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
    def of(cls, task: Trainee, length: Length) -> _Schedule:
        """Raises :class:`~runner.errors.DataError` for a warm-up that is longer than the training."""
        section = task.section.schedule if task.section is not None else None
        if section is None:
            return cls(task.optimizer, None)
        schedules.check_length(section, length.total, f"{task.where}/schedule")
        return cls(task.optimizer, section, length.total)

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
    epoch = state["epoch"]
    metrics, inside, improved = _measured(task, context, state, best, waiting, norms)
    state["history"].append({"epoch": epoch} | metrics)
    context.emit("epoch", epoch=epoch, epochs=context.epochs, metrics=metrics, **inside, best=improved)
    state.update(epoch=epoch + 1, batch=0, loss_sum=0.0, rows=0)


def _measure(
    task: Trainee,
    context: TrainContext,
    state: dict[str, Any],
    best: _Best,
    waiting: Waiting,
    length: Length,
    saving: Saving,
) -> None:
    """Measure within an epoch. What is learned and not measured when the run is stopped is what it begins with."""
    state["due"] = True
    try:
        metrics, _, improved = _measured(task, context, state, best, waiting, None)
    except Stopped:
        saving.if_cheap(last=True)
        raise
    del state["due"]
    step = length.step(state)
    if improved:
        state["best_step"] = step
    place = {"step": step, "epoch": round(step / length.batches, 4)}
    tokens = {"tokens": state["tokens"]} if "tokens" in state else {}
    state["history"].append(place | metrics)
    state.update(loss_sum=0.0, rows=0)
    context.emit("step", steps=length.total, **place, **tokens, metrics=metrics, best=improved)
    saving.if_cheap(last=length.done(state) or waiting.over(_early_stopping(task)))


def _measured(
    task: Trainee,
    context: TrainContext,
    state: dict[str, Any],
    best: _Best,
    waiting: Waiting,
    norms: GradientNorms | None,
) -> tuple[dict[str, float | None], dict[str, Any], bool]:
    """The metrics of now, what is told of the network's inside, and whether it is the best so far, which is kept."""
    import torch

    epoch = state["epoch"]
    task.module.eval()
    with torch.no_grad():
        measured = dict(task.measure())
        spread = dict(task.spread()) if norms is not None and task.spread is not None else {}
    learning_rate = task.optimizer.learning_rate
    if task.measure_every is None:
        task.optimizer.end_epoch()
    metrics = {"train_loss": state["loss_sum"] / max(1, state["rows"])} | measured | {"learning_rate": learning_rate}
    value = _goodness(task, measured)
    waiting.see(value, _min_delta(task))
    if value is None and not state["history"] and _early_stopping(task) is not None:
        context.emit(
            "warning",
            message=f"nothing ends the training early: {task.criterion} cannot be measured on the held-out rows",
            pointer=f"{task.where}/early_stopping",
        )
    # Without validation data the newest is the best there is.
    improved = value is None or state["best"] is None or value > state["best"]
    if improved:
        state["best"], state["best_epoch"] = value, epoch
        if task.keeps_best:
            best.module = {name: tensor.detach().clone() for name, tensor in _learnt(task.module).items()}
        if task.keeps_optimizer:
            best.optimizer = OptimizerState.of(task.optimizer)
    inside = {} if norms is None else {"diagnostics": norms.end_epoch() | spread}
    return metrics, inside, improved


def _progress(context: TrainContext, state: dict[str, Any], length: Length) -> None:
    metrics = {"train_loss": state["loss_sum"] / state["rows"]} if state["rows"] else {}
    if length.long:
        context.emit(
            "progress",
            done=length.step(state),
            total=length.total,
            unit="steps",
            epoch=state["epoch"],
            epochs=context.epochs,
            metrics=metrics,
        )
        return
    context.emit(
        "progress",
        done=state["batch"],
        total=length.batches,
        unit="batches",
        epoch=state["epoch"],
        epochs=context.epochs,
        metrics=metrics,
    )


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
