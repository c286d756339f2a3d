"""A run's progress as it happens: a live bar on a terminal, plain lines everywhere else."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import Protocol, TextIO, cast

from runner.pages.numbers import duration, finite
from runner.runs.event_kinds import (
    DataEvent,
    EndedEvent,
    EpochEvent,
    Event,
    FitEvent,
    ProgressEvent,
    StageEpochEvent,
    StampEvent,
    StartedEvent,
    StepEvent,
    StoppedEarlyEvent,
    TensorboardEvent,
    WarningEvent,
)
from runner.tracking.event_words import backend_matters, phase, sentence
from runner.tracking.lossy_stream import LossyStream

#: Seconds of a run between two lines about work that no epoch's line tells of.
QUIET = 10.0


class View(Protocol):
    """Something that shows events."""

    def handle(self, event: Event) -> None: ...

    def close(self) -> None: ...


class TerminalListener:
    """Shows every event of a run on a stream.

    ``stream`` defaults to standard error. ``terminal`` says whether to draw a live bar; None finds out (a real
    terminal that is not ``TERM=dumb``). ``print_every`` is the number of epochs between two plain lines; what is
    told by step has a line every ten seconds, and one for each evaluation. It is a
    context manager; ``close`` may be called twice, and must be called before anything else writes to the stream.
    A stream that goes away is given up: nothing is raised, nothing more is shown.
    """

    def __init__(self, stream: TextIO | None = None, print_every: int = 1, terminal: bool | None = None) -> None:
        stream = sys.stderr if stream is None else stream
        if terminal is None:
            terminal = is_terminal(stream)
        stream = cast(TextIO, LossyStream(stream))
        self._view: View
        if terminal:
            # rich takes a tenth of a second to import: only for those who see it.
            from runner.tracking.training_bar import LiveView

            self._view = LiveView(stream)
        else:
            self._view = PlainView(stream, print_every)

    def handle(self, event: Event) -> None:
        """Show one event. Those of a kind that it has nothing to say of are passed over."""
        self._view.handle(event)

    def close(self, state: str | None = None, exit_code: int | None = None) -> None:
        """Remove the bar and print the lines that were held back. The run's state and exit code are not printed."""
        self._view.close()

    def __enter__(self) -> TerminalListener:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def is_terminal(stream: TextIO) -> bool:
    """Whether a stream is a terminal on which lines can be redrawn, and nobody asked for plain ones (RUNNER_PLAIN)."""
    try:
        if os.environ.get("RUNNER_PLAIN"):
            return False
        return stream.isatty() and os.environ.get("TERM", "") not in {"dumb", "unknown"}
    except ValueError:  # closed
        return False


class PlainView:
    """Lines of text: no colour, no control characters, nothing redrawn."""

    def __init__(self, stream: TextIO, print_every: int) -> None:
        self._stream = stream
        self._every = max(1, print_every)
        self._started: float | None = None
        self._last_line = float("-inf")
        self._held: str | None = None
        self._phase: str | None = None

    def handle(self, event: Event) -> None:
        now = finite(event.t) or time.time()
        match event:
            case StartedEvent():
                self._started = now
                # The run knows its own pace: a resumed one, or one that is followed, was not started from here.
                self._every = max(1, int(finite(event.print_every) or self._every))
                self._say(sentence(event), now)
            case DataEvent() | FitEvent() | TensorboardEvent() | WarningEvent():
                self._say(sentence(event), now)
            case StampEvent():
                if backend_matters(event):
                    self._say(sentence(event), now)
            case StoppedEarlyEvent():
                self._flush()
                self._say(sentence(event), now)
            case ProgressEvent():
                self._progress(event, now)
            case StageEpochEvent():
                if self._due(event):
                    self._say(sentence(event), now)
            case EpochEvent():
                due = self._due(event)
                self._held = None if due else sentence(event)
                if due:
                    self._say(sentence(event), now)
            case StepEvent():
                self._step(event, now)
            case EndedEvent():
                self._flush()
                spent = f" after {duration(now - self._started)}" if self._started is not None else ""
                self._say(f"{event.event}{spent}", now)

    def close(self) -> None:
        self._flush()

    def _due(self, event: EpochEvent | StageEpochEvent) -> bool:
        epoch = finite(event.epoch)
        return epoch is None or epoch % self._every == 0 or epoch == finite(event.epochs)

    def _progress(self, event: ProgressEvent, now: float) -> None:
        """A phase has a line when it begins, one when it ends, and one every ten seconds in between."""
        within_epoch = finite(event.epoch) is not None
        named = None if within_epoch else phase(event)
        done, total = finite(event.done), finite(event.total)
        begun = named is not None and named != self._phase
        ended = named is not None and done is not None and done == total
        self._phase = named
        if begun or ended or now - self._last_line >= QUIET:
            self._say(sentence(event), now)

    def _step(self, event: StepEvent, now: float) -> None:
        """Evaluations (which say ``best``) and the last step have a line each, other steps one every ten seconds."""
        step = finite(event.step)
        last = step is not None and step == finite(event.steps)
        due = last or event.best is not None or now - self._last_line >= QUIET
        self._held = None if due else sentence(event)
        if due:
            self._say(sentence(event), now)

    def _flush(self) -> None:
        """Print the last epoch or step if it has no line yet: a run may end between two lines."""
        if self._held is not None:
            self._say(self._held, self._last_line)
            self._held = None

    def _say(self, line: str, now: float) -> None:
        print(line, file=self._stream, flush=True)
        self._last_line = now
