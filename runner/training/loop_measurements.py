"""What a training loop measures after an epoch or within one, what it tells of it, and what it keeps as the best."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.errors import Stopped
from runner.training.early_stopping import told
from runner.training.gradient_norms import GradientNorms
from runner.training.loop_state import LoopState
from runner.training.throttling import Saving


def end_epoch(state: LoopState, norms: GradientNorms | None) -> None:
    """Measure an epoch that is learned, tell of it, and begin the next."""
    counts = state.counts
    epoch = counts["epoch"]
    metrics, inside, improved = _measured(state, norms)
    counts["history"].append({"epoch": epoch} | metrics)
    at = {"epoch": epoch, "epochs": state.context.epochs}
    state.context.emit("epoch", **at, **state.speed.told(counts), metrics=metrics, **inside, best=improved)
    state.speed.go_on()
    counts.update(epoch=epoch + 1, batch=0, loss_sum=0.0, rows=0)
    counts.pop("figures", None)


def measure_within(state: LoopState, saving: Saving) -> None:
    """Measure within an epoch. What is learned and not measured when the run is stopped is what it begins with."""
    counts, length = state.counts, state.length
    counts["due"] = True
    try:
        metrics, _, improved = _measured(state, None)
    except Stopped:
        saving.now()
        raise
    del counts["due"]
    step = state.step
    if improved:
        counts["best_step"] = step
    place = {"step": step, "epoch": round(step / length.batches, 4)}
    counts["history"].append(place | metrics)
    counts.update(loss_sum=0.0, rows=0)
    counts.pop("figures", None)
    state.context.emit("step", steps=length.total, **place, **state.speed.told(counts), metrics=metrics, best=improved)
    state.speed.go_on()
    saving.after_measuring(last=length.done(counts) or state.waiting.over(state.task.early_stopping))


def _measured(state: LoopState, norms: GradientNorms | None) -> tuple[dict[str, float | None], dict[str, Any], bool]:
    """The metrics of now, what is told of the network's inside, and whether it is the best so far, which is kept."""
    import torch

    task, counts = state.task, state.counts
    state.speed.pause()
    task.module.eval()
    with torch.no_grad():
        measured = dict(task.measure())
        spread = dict(task.spread()) if norms is not None and task.spread is not None else {}
    learning_rate = task.optimizer.learning_rate
    if task.measure_every is None:
        task.optimizer.end_epoch()
    metrics = {"train_loss": counts["loss_sum"] / max(1, counts["rows"])} | _figures(counts) | measured
    metrics |= {"learning_rate": learning_rate}
    value = task.goodness(measured)
    state.waiting.see(value, task.min_delta)
    if value is None and not counts["history"] and task.early_stopping is not None:
        state.context.emit(
            "warning",
            message=f"nothing ends the training early: {task.criterion} cannot be measured on the held-out rows",
            pointer=f"{task.where}/early_stopping",
        )
    # Without validation data the newest is the best there is.
    improved = value is None or counts["best"] is None or value > counts["best"]
    if improved:
        counts["best"], counts["best_epoch"] = value, counts["epoch"]
        state.keep_best()
    inside = {} if norms is None else {"diagnostics": norms.end_epoch() | spread}
    return metrics, inside, improved


def tell_progress(state: LoopState) -> None:
    """Tell how far the training is: in steps where its epochs are long, else in the epoch's batches."""
    counts, length = state.counts, state.length
    metrics = {"train_loss": counts["loss_sum"] / counts["rows"]} | _figures(counts) if counts["rows"] else {}
    done, total, unit = (
        (state.step, length.total, "steps") if length.long else (counts["batch"], length.batches, "batches")
    )
    state.context.emit(
        "progress",
        done=done,
        total=total,
        unit=unit,
        epoch=counts["epoch"],
        epochs=state.context.epochs,
        **state.speed.told(counts),
        metrics=metrics,
    )


def add_figures(counts: dict[str, Any], figures: Mapping[str, float]) -> None:
    """Count those of a step: sums and how many there were, by name."""
    sums = counts.setdefault("figures", {})
    for name, value in figures.items():
        total, steps = sums.get(name, (0.0, 0))
        sums[name] = [total + value, steps + 1]


def _figures(counts: dict[str, Any]) -> dict[str, float | None]:
    """Their means since the last measurement."""
    return {f"train_{name}": total / steps for name, (total, steps) in counts.get("figures", {}).items()}


def tell_early_end(state: LoopState) -> None:
    """Tell of a training that early stopping ended before its last step."""
    task, counts, length = state.task, state.counts, state.length
    early = task.early_stopping
    if early is None or not state.waiting.over(early) or length.done(counts):
        return
    done, total, unit = (
        (len(counts["history"]), state.context.epochs, "epochs")
        if length.every is None
        else (state.step, length.total, "steps")
    )
    state.context.emit("stopped_early", **told(early, done, total, unit))
