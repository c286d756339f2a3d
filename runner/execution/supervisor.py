"""Watching over one attempt: events to listeners, limits, signals, and the error it ended with."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from runner.errors import (
    EnvironmentProblem,
    Interrupted,
    OutOfMemory,
    RunnerError,
    Stopped,
    TimeLimitReached,
)
from runner.execution.endings import revive
from runner.execution.executor import Executor, Handle, Job
from runner.runs.events import EventReader
from runner.runs.run import Run

#: How long a worker may take to write its checkpoint after it was asked to stop, seconds.
GRACE = 60.0
#: How often the worker is looked at, seconds. Short: a run of a second should not take two.
TICK = 0.05


class Listener(Protocol):
    """Somebody who wants to know what happens in a run while it happens."""

    def handle(self, event: dict[str, Any]) -> None: ...


@dataclass
class Signals:
    """What we were told while the run was under way."""

    interrupted: int = 0
    terminated: int = 0

    @property
    def any(self) -> bool:
        return bool(self.interrupted or self.terminated)


@contextlib.contextmanager
def caught_signals() -> Iterator[Signals]:
    """Count Ctrl-C and SIGTERM instead of dying of them. Outside the main thread there is nothing to catch."""
    signals = Signals()
    if threading.current_thread() is not threading.main_thread():
        yield signals
        return

    def interrupt(*_: object) -> None:
        signals.interrupted += 1

    def terminate(*_: object) -> None:
        signals.terminated += 1

    handlers = {signal.SIGINT: interrupt, signal.SIGTERM: terminate, signal.SIGHUP: terminate}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def attempt(
    run: Run,
    executor: Executor,
    job: Job,
    listeners: Sequence[Listener],
    signals: Signals,
    time_limit: float | None = None,
) -> RunnerError | None:
    """Start the job, watch it to its end, and return the error it ended with, or None.

    The caller holds the run's lock and moves its state. Never raises for what happens inside the run.
    """
    (run.path / "outcome.json").unlink(missing_ok=True)
    events = EventReader(run.path, from_end=True)
    started = time.monotonic()
    try:
        handle = executor.start(job)
    except RunnerError as error:
        return error
    asked: RunnerError | None = None
    asked_at = 0.0

    def ask_to_stop(reason: RunnerError) -> None:
        nonlocal asked, asked_at
        asked, asked_at = reason, time.monotonic()
        handle.terminate()
        # Said to whoever waits, and not part of the run's record: that has its end.
        text = f"{reason.message}: waiting for the run to save a checkpoint (Ctrl-C, again, ends it at once)"
        for listener in listeners:
            listener.handle({"t": time.time(), "event": "warning", "message": text})

    try:
        _note(run, handle)
        looked_at_memory = 0.0
        while (code := handle.poll()) is None:
            _tell(events, listeners, handle)
            now = time.monotonic()
            if asked is None:
                if signals.interrupted:
                    ask_to_stop(Interrupted("interrupted"))
                elif signals.terminated:
                    ask_to_stop(Stopped("asked to stop"))
                elif time_limit is not None and now - started > time_limit:
                    ask_to_stop(TimeLimitReached(f"the time limit of {time_limit:g} s passed", where="/run/time_limit"))
            elif now - asked_at > GRACE or signals.interrupted > 1:
                handle.kill()
            if job.memory and now - looked_at_memory > 0.2:
                looked_at_memory = now
                used = handle.memory_used()
                if used is not None and used > job.memory:
                    handle.kill()
                    asked = _over_memory(job.memory)
            time.sleep(TICK)
        _tell(events, listeners, handle)
        own = handle.failure()
        if own is not None:
            return own
        if isinstance(asked, OutOfMemory):
            return asked
        ended = revive(run.document("outcome"), code)
        if asked is not None and ended is not None:
            # The worker can only say that it stopped; why it was asked to is ours to say.
            return asked
        return ended
    finally:
        handle.close()


def resumable(run: Run) -> str:
    """What to type to go on."""
    return f"go on with: runner train --resume {run.id}"


def may_retry(error: RunnerError | None, signals: Signals) -> bool:
    """Only the environment's passing errors are tried again, and never against somebody who said stop."""
    return isinstance(error, EnvironmentProblem) and error.retryable and not signals.any


def _over_memory(limit: int) -> OutOfMemory:
    return OutOfMemory(
        f"the run used more than its limit of {limit / 2**20:.0f} MiB",
        where="/run/memory",
        hint="raise it, or train with a smaller batch_size or fewer max_samples",
    )


def _note(run: Run, handle: Handle) -> None:
    state = run.document("state")
    run.write("state", state | {"worker": handle.facts()})


def _tell(events: EventReader, listeners: Sequence[Listener], handle: Handle) -> None:
    for event in events.new():
        if event["event"] == "started":
            handle.forget_secrets()
        for listener in listeners:
            listener.handle(event)
