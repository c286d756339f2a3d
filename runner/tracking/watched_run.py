"""What a run has told so far, as somebody sees it who watches: curves, position, pace, the end of its log."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.pages.harmless_text import clean
from runner.pages.numbers import finite
from runner.runs.event_kinds import (
    DataEvent,
    EndedEvent,
    EpochEvent,
    Event,
    Numbers,
    ProgressEvent,
    StageEpochEvent,
    StampEvent,
    StartedEvent,
    StepEvent,
    WarningEvent,
)
from runner.runs.events import EventReader
from runner.tracking.event_words import phase, sentence
from runner.tracking.paces import Pace

#: Points of a curve that are kept: more than any terminal is wide.
MOST_POINTS = 4000
#: Bytes of a log's end that are looked at.
LOG_END = 16_384


@dataclass
class Watched:
    """A run's directory, read again and again. Only what was appended is read."""

    path: Path
    started: StartedEvent | None = None
    began: float | None = None
    #: When the last event happened.
    heard: float | None = None
    ended: EndedEvent | None = None
    #: What is being worked at, how far it is, and of how much.
    label: str = "starting"
    position: str = ""
    done: float = 0.0
    total: float | None = None
    pace: Pace | None = None
    #: The newest of each, by name.
    figures: dict[str, float] = field(default_factory=dict)
    #: Points over steps or epochs, by name, the newest last.
    curves: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    said: deque[str] = field(default_factory=lambda: deque(maxlen=200))
    events: int = 0

    def __post_init__(self) -> None:
        self._reader = EventReader(self.path)
        self._steps_told = False

    def look(self) -> list[Event]:
        """Read what is new, and give it."""
        found = list(self._reader.new())
        for event in found:
            self._take(event)
        return found

    def left(self, now: float | None = None) -> float | None:
        """Seconds to the end at the pace so far; None where that cannot be told, or all is over."""
        if self.ended is not None or self.pace is None or self.total is None:
            return None
        left = self.pace.left(self.total)
        return None if left is None else max(0.0, left - ((now or time.time()) - (self.heard or 0.0)))

    def log(self, lines: int) -> list[str]:
        """The last lines of the worker's own output, without what would move a cursor."""
        try:
            with (self.path / "log.txt").open("rb") as file:
                file.seek(0, 2)
                file.seek(max(0, file.tell() - LOG_END))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return []
        return [clean(line) for line in text.splitlines() if line.strip()][-lines:] if lines > 0 else []

    def as_dict(self, log: int = 20) -> dict[str, Any]:
        """The same as a program reads it."""
        return {
            "label": self.label,
            "position": self.position,
            "done": self.done,
            "total": self.total,
            "seconds_left": self.left(),
            "figures": self.figures,
            "curves": {name: [list(point) for point in points] for name, points in self.curves.items()},
            "said": list(self.said),
            "log": self.log(log),
            "events": self.events,
        }

    def _take(self, event: Event) -> None:
        now = finite(event.t) or time.time()
        self.heard, self.events = now, self.events + 1
        match event:
            case StartedEvent():
                # An attempt begins: what came before it was another's end.
                self.started, self.began, self.ended, self.pace = event, self.began or now, None, None
                self.label, self.position = "starting", ""
            case ProgressEvent():
                self._progress(event, now)
            case StepEvent():
                self._steps_told = True
                of = f"/{event.steps:g}" if finite(event.steps) else ""
                self._at("training", f"step {event.step or 0:g}{of}", event.step, event.steps, now)
                self._figures(event.metrics, event.pace, event.step)
                self._counted(event.tokens)
            case EpochEvent():
                if not self._steps_told:
                    of = f"/{event.epochs:g}" if finite(event.epochs) else ""
                    self._at("training", f"epoch {event.epoch or 0:g}{of}", event.epoch, event.epochs, now)
                self._figures(event.metrics, event.pace, event.step if self._steps_told else event.epoch)
                self._counted(event.tokens)
            case StageEpochEvent():
                stage = clean(event.stage or "stage")
                self._at(stage, f"epoch {event.epoch or 0:g}", event.epoch, event.epochs, now)
                self._figures({f"{stage}/{name}": value for name, value in event.metrics.items()}, {}, event.epoch)
            case EndedEvent():
                self.ended = event
        if isinstance(event, StartedEvent | DataEvent | WarningEvent | StampEvent | EpochEvent | EndedEvent):
            self.said.append(sentence(event))

    def _progress(self, event: ProgressEvent, now: float) -> None:
        done, total = finite(event.done) or 0.0, finite(event.total)
        epoch, epochs = finite(event.epoch), finite(event.epochs)
        if epoch is None:
            of = f"/{total:g}" if total else ""
            self._at(phase(event), f"{done:g}{of} {clean(event.unit or '')}".strip(), done, total, now)
        elif not self._steps_told:
            share = done / total if total else 0.0
            self._at("training", f"epoch {epoch:g}/{epochs or 0:g}", epoch - 1 + share, epochs, now)
        self._figures({}, event.pace, None)
        for name, value in event.metrics.items():
            if (known := finite(value)) is not None:
                self.figures[clean(name)] = known
        self._counted(event.tokens)

    def _at(self, label: str, position: str, done: float | None, total: float | None, now: float) -> None:
        known = finite(done) or 0.0
        if self.pace is None or label != self.label:
            self.pace = Pace(now, known)
        self.pace.update(now, known)
        self.label, self.position, self.done, self.total = label, position, known, finite(total)

    def _figures(self, metrics: Numbers, pace: Numbers, at: float | None) -> None:
        place = finite(at)
        for name, value in {**metrics, **pace}.items():
            if (known := finite(value)) is None:
                continue
            self.figures[clean(name)] = known
            if place is None or name in pace:
                continue
            points = self.curves.setdefault(clean(name), [])
            if points and place < points[-1][0]:
                # A resumed run tells again of what came after its checkpoint.
                points[:] = [point for point in points if point[0] < place]
            points.append((place, known))
            del points[:-MOST_POINTS]

    def _counted(self, tokens: float | None) -> None:
        if (known := finite(tokens)) is not None:
            self.figures["tokens"] = known
