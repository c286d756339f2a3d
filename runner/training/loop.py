"""The torch training loop that builders share: epochs of batches, best epoch kept, resumable to the bit.

A checkpoint holds the module, the optimizer, the best module so far and every generator's state, at a batch's
border, so a run that was stopped or killed ends as it would have without.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from runner.contract import TrainContext
from runner.errors import RunFailed
from runner.training.optimizers import Optimizer
from runner.training.pace import Every

if TYPE_CHECKING:
    import torch

#: Saving may take this share of the time; a checkpoint that costs more is taken less often.
CHECKPOINT_SHARE = 0.1


@dataclass
class Task:
    """What a builder trains."""

    module: torch.nn.Module
    optimizer: Optimizer
    #: The rows of an epoch, int ``[n]``, from the epoch's own generator.
    order: Callable[[np.random.Generator], np.ndarray]
    #: Mean loss of a batch of rows, a scalar with a gradient.
    loss: Callable[[torch.Tensor], torch.Tensor]
    #: Validation metrics; the greater ``criterion`` is the better epoch. Without it the last epoch is kept.
    measure: Callable[[], Mapping[str, float | None]]
    criterion: str = "accuracy"
    clip_gradient: float | None = None


@dataclass
class Fit:
    """How the training went. The module holds the best epoch's weights."""

    epochs: int
    best_epoch: int
    history: list[dict[str, Any]] = field(default_factory=list)


def fit(task: Task, context: TrainContext) -> Fit:
    """Train ``context.epochs`` epochs, or go on from the newest checkpoint.

    Raises :class:`Stopped` after saving a checkpoint when the run was asked to stop, and :class:`RunFailed` when
    the loss is no number any more.
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
    best: dict[str, torch.Tensor] = {}
    checkpoint = context.checkpoints.latest()
    if checkpoint is not None:
        state = dict(checkpoint.state)
        best = _restore(task, checkpoint.tensors, state)
        context.emit("resumed", step=checkpoint.step, epoch=state["epoch"], batch=state["batch"])
    saved_at, save_seconds = time.monotonic(), 0.0
    progress = Every(0.25)

    while state["epoch"] <= context.epochs:
        epoch = state["epoch"]
        rows = task.order(np.random.default_rng([context.seed, epoch]))
        size = max(1, context.batch_size)
        batches = -(-len(rows) // size)
        task.module.train()
        while state["batch"] < batches:
            if context.stop_requested():
                context.stop_here(_step(state, batches), *_snapshot(task, state, best))
            batch = rows[state["batch"] * size : (state["batch"] + 1) * size]
            loss = task.loss(torch.from_numpy(batch).to(context.device))
            value = float(loss.detach())
            if not np.isfinite(value):
                raise RunFailed(
                    f"the loss became {value} in epoch {epoch}, batch {state['batch'] + 1}",
                    where="/model/spec/optimizer",
                    hint="lower learning_rate",
                )
            task.optimizer.zero_grad()
            loss.backward()
            if task.clip_gradient is not None:
                torch.nn.utils.clip_grad_norm_(task.module.parameters(), task.clip_gradient)
            task.optimizer.step()
            state["batch"] += 1
            state["loss_sum"] += value * len(batch)
            state["rows"] += len(batch)
            if progress.due():
                _progress(context, state, batches)
        _end_epoch(task, context, state, best)
        now = time.monotonic()
        if state["epoch"] > context.epochs or save_seconds <= CHECKPOINT_SHARE * (now - saved_at):
            context.checkpoints.save(_step(state, batches), *_snapshot(task, state, best))
            saved_at = time.monotonic()
            save_seconds = saved_at - now
    if best:
        task.module.load_state_dict(best)
    task.module.eval()
    return Fit(len(state["history"]), state["best_epoch"], state["history"])


def _end_epoch(task: Task, context: TrainContext, state: dict[str, Any], best: dict[str, Any]) -> None:
    import torch

    epoch = state["epoch"]
    task.module.eval()
    with torch.no_grad():
        measured = dict(task.measure())
    learning_rate = task.optimizer.learning_rate
    task.optimizer.end_epoch()
    metrics = {"train_loss": state["loss_sum"] / max(1, state["rows"])} | measured | {"learning_rate": learning_rate}
    value = measured.get(task.criterion)
    # Without validation data the newest epoch is the best there is.
    improved = value is None or state["best"] is None or value > state["best"]
    if improved:
        state["best"], state["best_epoch"] = value, epoch
        best.clear()
        best.update({name: tensor.detach().clone() for name, tensor in task.module.state_dict().items()})
    state["history"].append({"epoch": epoch} | metrics)
    context.emit("epoch", epoch=epoch, epochs=context.epochs, metrics=metrics, best=improved)
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


def _snapshot(task: Task, state: dict[str, Any], best: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    import torch

    optimizer, optimizer_state = task.optimizer.state()
    tensors: dict[str, Any] = {f"model/{name}": tensor for name, tensor in task.module.state_dict().items()}
    tensors |= {f"best/{name}": tensor for name, tensor in best.items()}
    tensors |= optimizer
    tensors["generator/cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["generator/cuda"] = torch.cuda.get_rng_state()
    return tensors, state | {"optimizer": optimizer_state}


def _restore(task: Task, tensors: Mapping[str, Any], state: dict[str, Any]) -> dict[str, Any]:
    import torch

    def part(prefix: str) -> dict[str, torch.Tensor]:
        return {
            name.removeprefix(prefix): torch.from_numpy(np.array(value))
            for name, value in tensors.items()
            if name.startswith(prefix)
        }

    task.module.load_state_dict(part("model/"))
    task.optimizer.load_state(tensors, state.pop("optimizer"))
    generators = part("generator/")
    torch.set_rng_state(generators["cpu"])
    if "cuda" in generators and torch.cuda.is_available():
        torch.cuda.set_rng_state(generators["cuda"])
    return part("best/")
