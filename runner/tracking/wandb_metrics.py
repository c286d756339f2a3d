"""A run's events as W&B rows: what is charted, against what, and what was charted already."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from runner.runs.event_kinds import (
    DataEvent,
    EpochEvent,
    Event,
    MetricsEvent,
    ProgressEvent,
    StageEpochEvent,
    StartedEvent,
    StepEvent,
)

#: Seconds of the run's own clock between two rows of progress within an epoch.
PROGRESS_INTERVAL = 5.0


class Rows:
    """Writes events into a W&B run, in the order they happened and each point once.

    The x axis of a chart is ``epoch``; a point within epoch 3 lies between 2 and 3. What is told by step has ``step``
    as its axis, and its rows carry ``epoch`` and ``tokens`` too, so that a chart can be drawn over either. A run that
    is resumed, or whose events are sent again after an upload that broke, starts after the last epoch and the last
    step that W&B has.
    """

    def __init__(self, run: Any) -> None:
        self._run = run
        run.define_metric("epoch", hidden=True)
        run.define_metric("*", step_metric="epoch")
        last, step = (dict(run.summary).get(name) for name in ("epoch", "step"))
        self._reached = float(last) if isinstance(last, (int, float)) else 0.0
        self._step_reached = float("-inf")
        #: The metrics that W&B has of that step.
        self._told = set(dict(run.summary))
        if isinstance(step, (int, float)):
            self._step_reached = float(step)
            # A row of a step says its epoch too: one that ends with it may not have its own row yet.
            self._reached = max(math.ceil(self._reached) - 1.0, 0.0)
        self._by_step: set[str] = set()
        self._last_progress = float("-inf")
        self._stages: set[str] = set()

    def add(self, event: Event) -> None:
        """Write one event. Events of a kind that W&B has no place for are passed over."""
        match event:
            case EpochEvent():
                self._epoch(event)
            case StepEvent():
                self._step(event)
            case StageEpochEvent():
                self._stage(event)
            case ProgressEvent():
                self._progress(event)
            case MetricsEvent():
                self._run.summary.update(scalars(event.metrics))
            case DataEvent():
                self._run.config.update({"data_record": event.record}, allow_val_change=True)
            case StartedEvent():
                known = {"model_type": event.model_type, "name": event.name, "device": event.device, "seed": event.seed}
                facts = {name: value for name, value in known.items() if value is not None}
                self._run.config.update({"started": facts}, allow_val_change=True)

    def _epoch(self, event: EpochEvent) -> None:
        if event.epoch is None:
            return
        inside = {f"diagnostics/{name}": value for name, value in scalars(event.diagnostics).items()}
        self._log(float(event.epoch), scalars(event.metrics) | inside, event)
        if event.best:
            self._run.summary["best_epoch"] = event.epoch

    def _progress(self, event: ProgressEvent) -> None:
        metrics, done, total = scalars(event.metrics), event.done, event.total
        if not metrics or not event.epoch or not total or done is None or done >= total:
            # The end of an epoch is the epoch's own row.
            return
        now = _time(event)
        if now - self._last_progress < PROGRESS_INTERVAL:
            return
        self._last_progress = now
        within = {f"progress/{name}": value for name, value in metrics.items()}
        self._log(event.epoch - 1 + done / total, within, event)

    def _step(self, event: StepEvent) -> None:
        """One row of what is told by step. Training and evaluation may tell of one step apart: both have a row."""
        step, metrics = event.step, scalars(event.metrics)
        if not metrics or step is None or step < self._step_reached:
            return
        metrics |= _pace(event)
        told = self._told if step == self._step_reached else set()
        if metrics.keys() <= told:
            return
        self._told, self._step_reached = told | metrics.keys(), step
        if not self._by_step:
            for axis in ("step", "tokens"):
                self._run.define_metric(axis, hidden=True)
        for name in metrics:
            if name not in self._by_step:
                self._by_step.add(name)
                self._run.define_metric(name, step_metric="step")
        if event.best:
            self._run.summary["best_step"] = step
        axes = scalars({"epoch": event.epoch, "tokens": event.tokens})
        self._run.log({"step": step, "_timestamp": _time(event)} | axes | metrics)

    def _stage(self, event: StageEpochEvent) -> None:
        """Write an epoch of a stage. Its charts have the stage's own epochs as their axis."""
        stage = str(event.stage)
        if stage not in self._stages:
            self._stages.add(stage)
            self._run.define_metric(f"{stage}/epoch", hidden=True)
            self._run.define_metric(f"{stage}/*", step_metric=f"{stage}/epoch")
        metrics = {f"{stage}/{name}": value for name, value in scalars(event.metrics).items()}
        self._run.log({f"{stage}/epoch": event.epoch, "_timestamp": _time(event)} | metrics)

    def _log(self, epoch: float, metrics: dict[str, float], event: EpochEvent | ProgressEvent) -> None:
        if epoch <= self._reached:
            return
        self._reached = epoch
        axes = scalars({"step": event.step, "tokens": event.tokens})
        row = {"epoch": int(epoch) if epoch.is_integer() else epoch, "_timestamp": _time(event)}
        self._run.log(row | axes | _pace(event) | metrics)


def _pace(event: EpochEvent | ProgressEvent | StepEvent) -> dict[str, float]:
    return {f"pace/{name}": value for name, value in scalars(event.pace).items()}


def _time(event: Event) -> float:
    """Events carry their own time, so that a run sent afterwards keeps its clock."""
    return time.time() if event.t is None else event.t


def scalars(metrics: Mapping[str, object]) -> dict[str, float]:
    """The numbers among ``metrics``; None (not measured) and what is no number have no chart."""
    return {
        name: value
        for name, value in metrics.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
