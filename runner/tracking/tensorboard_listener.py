"""A run's events as TensorBoard reads them: event files in the run's directory, by TensorBoard's own writer."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.pages.numbers import finite
from runner.runs.event_kinds import (
    EpochEvent,
    Event,
    MetricsEvent,
    ProgressEvent,
    StageEpochEvent,
    StepEvent,
    WarningEvent,
)
from runner.runs.events import EventReader
from runner.tracking.event_words import warning_text

#: The folder of a run's directory that TensorBoard is shown.
FOLDER = "tensorboard"


class TensorboardListener:
    """Writes each event of a run as it happens. ``run`` is the run's directory; ``spec`` is shown as a text.

    A chart's axis is the step where the run tells of steps, else the epoch. The final figures are ``final/NAME``.
    """

    def __init__(self, run: Path, spec: Mapping[str, Any] | None = None) -> None:
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        folder = run / FOLDER
        folder.mkdir(exist_ok=True)
        # A short queue, written often: who looks sees what was just told.
        self._writer = EventFileWriter(str(folder), flush_secs=5)
        self._reached = 0
        self._warnings = 0
        if spec is not None:
            self._text("spec", "```json\n" + json.dumps(spec, indent=2, ensure_ascii=False) + "\n```", 0, time.time())

    def handle(self, event: Event) -> None:
        """Write one event. Those without figures are passed over, but for warnings, which are texts."""
        at = finite(event.t) or time.time()
        match event:
            case EpochEvent():
                known = event.step if event.step is not None else event.epoch
                self._figures(event.metrics, "", known, at)
                self._figures(event.pace, "pace/", known, at)
                self._figures(event.diagnostics, "diagnostics/", known, at)
            case StepEvent():
                self._figures(event.metrics, "", event.step, at)
                self._figures(event.pace, "pace/", event.step, at)
                self._figures({"epoch": event.epoch, "tokens": event.tokens}, "progress/", event.step, at)
            case ProgressEvent():
                # Within an epoch that is told of by no step, what is known has no step of its own.
                self._figures(event.pace, "pace/", event.step, at)
            case StageEpochEvent():
                self._figures(event.metrics, f"{event.stage or 'stage'}/", event.epoch, at)
            case MetricsEvent():
                self._figures(event.metrics, "final/", self._reached, at)
                self._writer.flush()
            case WarningEvent():
                self._text("warnings", warning_text(event), self._warnings, at)
                self._warnings += 1

    def close(self, code: int = 0) -> None:
        """Write what is held back, and end the file."""
        self._writer.close()

    def _figures(self, figures: Mapping[str, object], before: str, step: float | None, at: float) -> None:
        if (known := finite(step)) is None:
            return
        self._reached = max(self._reached, int(known))
        for name, value in figures.items():
            if (number := finite(value)) is not None:
                self._add(_scalar(f"{before}{name}", number), int(known), at)

    def _text(self, name: str, text: str, step: int, at: float) -> None:
        from tensorboard.plugins.text.summary_v2 import text_pb

        self._add(text_pb(name, text), step, at)

    def _add(self, summary: Any, step: int, at: float) -> None:
        from tensorboard.compat.proto.event_pb2 import Event as Written

        self._writer.add_event(Written(wall_time=at, step=step, summary=summary))


def written(run: Path) -> bool:
    """Whether a run's directory has event files."""
    return any((run / FOLDER).glob("events.out.tfevents.*"))


def write_all(run: Path, spec: Mapping[str, Any] | None) -> None:
    """Write the event files of a run that told TensorBoard nothing while it went on, from its own record."""
    listener = TensorboardListener(run, spec)
    try:
        for event in EventReader(run).new():
            listener.handle(event)
    finally:
        listener.close()


def _scalar(tag: str, value: float) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.scalar.metadata import create_summary_metadata
    from tensorboard.util import tensor_util

    summary = Summary()
    summary.value.add(
        tag=tag,
        tensor=tensor_util.make_tensor_proto(value, dtype="float32"),
        metadata=create_summary_metadata(display_name="", description=""),
    )
    return summary
