"""The torch training loop that builders share: epochs of batches, the best one kept, resumable to the bit.

What is trained is measured after every epoch, or every few steps where epochs are few. Checkpoints are taken at a
step's border, so a run that was stopped or killed ends as it would have without.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from runner.contract import TrainContext
from runner.errors import RunFailed, Stopped
from runner.training import schedules
from runner.training.evaluation_fields import check_every
from runner.training.finite_losses import LOOK_EVERY, StepLosses
from runner.training.gradient_norms import GradientNorms
from runner.training.loop_measurements import add_figures, end_epoch, measure_within, tell_early_end, tell_progress
from runner.training.loop_state import LoopState
from runner.training.memory_faults import memory_told
from runner.training.optimizers import Optimizer
from runner.training.throttling import Every, Saving
from runner.training.trainee import Fit, Trainee
from runner.training.training_length import Length

if TYPE_CHECKING:
    import torch


def fit(task: Trainee, context: TrainContext) -> Fit:
    """Train ``context.epochs`` epochs, fewer where they are stopped early, or go on from the newest checkpoint.

    Raises :class:`Stopped` after saving a checkpoint when the run was asked to stop, :class:`RunFailed` when
    the loss is no number any more, :class:`~runner.errors.OutOfMemory` with the step that there was no memory for, and
    :class:`~runner.errors.DataError` for a warm-up longer than the training, and for a measurement that would come
    after its end.
    """
    import torch

    # Every epoch has as many rows as the first.
    length = Length.of(
        len(task.order(np.random.default_rng([context.seed, 1]))),
        max(1, context.batch_size) * task.accumulation,
        context.epochs,
        every=task.measure_every,
        max_steps=task.max_steps,
        long=task.parts is not None,
    )
    check_every(length.every, length.total, f"{task.where}/evaluation")
    if task.max_steps is not None and task.max_steps > length.total:
        # Elsewhere such a number goes on over as many epochs as it takes; here it is an end, and would be silent.
        context.emit(
            "warning",
            message=f"max_steps is {task.max_steps:,}, and the training ends after {length.total:,} "
            f"step{'s' * (length.total != 1)}, those of its epochs: more epochs make it longer",
            pointer=f"{task.where}/max_steps",
        )
    schedule = _Schedule.of(task, length)
    scaler = torch.amp.GradScaler(context.device.partition(":")[0], enabled=task.loss_scaling)
    state = LoopState(task, context, length, scaler)
    state.go_on()
    counts = state.counts
    state.speed.go_on()
    norms = GradientNorms(task.module, context.device, counts) if task.diagnosed else None
    losses = StepLosses(counts, LOOK_EVERY if context.device.startswith("cuda") else 1, task.where)
    agreed = context.processes.agreed
    progress, saving = Every(0.25), Saving(state.save, state.size, agreed)
    if counts.get("due"):
        measure_within(state, saving)
    while not state.over():
        rows = task.order(np.random.default_rng([context.seed, counts["epoch"]]))
        task.module.train()
        while counts["batch"] < length.batches and not state.over():
            if context.stop_requested():
                losses.look()
                if norms is not None:
                    norms.look()
                state.stop_if_asked()
            schedule.take(state.step)
            batch = rows[counts["batch"] * length.size : (counts["batch"] + 1) * length.size]
            with memory_told(state.step + 1, task.section, context.batch_size, task.at_once):
                losses.add(_learned(state, batch), len(batch))
                if task.figures is not None:
                    add_figures(counts, task.figures())
                for part in task.optimizer.parts:
                    scaler.unscale_(part)
                if norms is not None:
                    norms.add()
                if task.clip_gradient is not None:
                    torch.nn.utils.clip_grad_norm_(task.module.parameters(), task.clip_gradient)
                _take(task, scaler, f"in epoch {counts['epoch']}, batch {counts['batch'] + 1}")
            scaler.update()
            # Now and not before the next step: measuring and saving have the gradients' memory then.
            task.optimizer.zero_grad()
            counts["batch"] += 1
            if task.tokens is not None:
                state.speed.add(counts, *task.tokens(batch))
            if length.measured_within(state.step):
                losses.look()
                measure_within(state, saving)
                task.module.train()
            elif agreed(progress.due()):
                losses.look()
                tell_progress(state)
                if length.long:
                    saving.between()
        losses.look()
        if norms is not None:
            norms.look()
        if counts["batch"] < length.batches:
            break
        if length.every is not None:
            # What there was to measure is measured.
            task.optimizer.end_epoch()
            counts.update(epoch=counts["epoch"] + 1, batch=0)
            continue
        try:
            end_epoch(state, norms)
        except Stopped:
            # The epoch is learned but not measured, which is what the next run begins with.
            state.save()
            raise
        saving.after_measuring(last=state.over())
    state.take_best()
    tell_early_end(state)
    task.module.eval()
    best = state.best.optimizer
    return Fit(
        length.epochs_done(counts),
        counts["best_epoch"],
        counts["history"],
        best,
        counts.get("best_step"),
        counts.get("at_once"),
    )


def _learned(state: LoopState, rows: np.ndarray) -> torch.Tensor:
    """Add up the gradients of a step, of fewer rows at a time where there is no memory for so many."""
    task, context = state.task, state.context

    def step() -> torch.Tensor:
        return _backward(task, rows, state.scaler, context)

    if task.at_once is None:
        return step()
    loss = task.at_once.learn(step, task.optimizer.zero_grad, context)
    state.counts["at_once"] = task.at_once.count
    return loss


def _take(task: Trainee, scaler: torch.amp.GradScaler, place: str) -> None:
    """The optimizer's step. Raises :class:`RunFailed` for one so large that no number of the weights' type holds it."""
    try:
        for part in task.optimizer.parts:
            scaler.step(part)
    except (RuntimeError, OverflowError) as error:
        if "overflow" not in str(error).lower() and not isinstance(error, OverflowError):
            raise
        raise RunFailed(
            f"a step of {task.optimizer.learning_rate:g} is too large for any weight, {place}",
            where=f"{task.where}/optimizer",
            hint="lower learning_rate",
        ) from error


def _backward(task: Trainee, rows: np.ndarray, scaler: torch.amp.GradScaler, context: TrainContext) -> torch.Tensor:
    """Add up the gradients of a step; the step's mean loss, without one. Of several processes the sums of all."""
    import torch

    if task.parts is not None:
        total = torch.zeros((), device=context.device)
        for part in task.parts(rows):
            # Gradients of several processes are averaged, and their losses are shares of one mean.
            scaler.scale(part * context.processes.count).backward()
            total += part.detach()
        return context.processes.sum(total)
    assert task.loss is not None
    picked = torch.from_numpy(rows)
    loss = task.loss(picked if task.rows_on_host else picked.to(context.device))
    scaler.scale(loss).backward()
    return loss.detach()


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
