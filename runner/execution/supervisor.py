"""Watching over one attempt: events to listeners, limits, signals, and the error it ended with."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass

from runner.errors import (
    EnvironmentProblem,
    Interrupted,
    RunnerError,
    Stopped,
    TimeLimitReached,
)
from runner.execution.executor import Executor, Handle, Job
from runner.execution.failure_classes import End, ending, over_memory
from runner.runs.event_kinds import StartedEvent, WarningEvent
from runner.runs.events import EventReader
from runner.runs.run_documents import Outcome
from runner.runs.run_folder import Run
from runner.tracking.run_listeners import Audience, Listener

#: How often the worker is looked at, seconds. Short: a run of a second should not take two.
TICK = 0.05


@dataclass
class Signals:
    """What we were told while the run was under way."""

    interrupted: int = 0
    terminated: int = 0
    #: When the first came, by the monotonic clock.
    at: float | None = None

    @property
    def any(self) -> bool:
        return bool(self.interrupted or self.terminated)


#: What the main thread has caught for runs that are supervised in other threads.
IN_THREADS: ContextVar[Signals | None] = ContextVar("IN_THREADS", default=None)


@contextlib.contextmanager
def caught_signals() -> Iterator[Signals]:
    """Count Ctrl-C, SIGTERM and SIGHUP instead of dying of them. In another thread nothing can be caught: there it
    is what the main thread caught and put into :data:`IN_THREADS`.

    A signal that was ignored when we came (``nohup``, a job in the background of a script) stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield IN_THREADS.get() or Signals()
        return
    signals = Signals()

    def interrupt(*_: object) -> None:
        signals.interrupted += 1
        signals.at = signals.at or time.monotonic()

    def terminate(*_: object) -> None:
        signals.terminated += 1
        signals.at = signals.at or time.monotonic()

    handlers = {signal.SIGINT: interrupt, signal.SIGTERM: terminate, signal.SIGHUP: terminate}
    before = {
        number: signal.signal(number, handler)
        for number, handler in handlers.items()
        if signal.getsignal(number) is not signal.SIG_IGN
    }
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
    audience = Audience(listeners, lambda text: _add_to_log(run, text))
    asked: RunnerError | None = None
    over: RunnerError | None = None
    asked_at = 0.0
    killed = False

    def ask_to_stop(reason: RunnerError) -> None:
        nonlocal asked, asked_at
        asked, asked_at = reason, time.monotonic()
        handle.terminate()
        # Said to whoever waits, and not part of the run's record: that has its end.
        text = f"{reason.message}: waiting for the run to save a checkpoint (Ctrl-C, again, ends it at once)"
        audience.handle(WarningEvent(t=time.time(), message=text))

    try:
        run.executed_by(handle.facts())
        looked_at_memory = 0.0
        while (code := handle.poll()) is None:
            _tell(events, audience, handle)
            now = time.monotonic()
            if asked is None:
                if signals.interrupted:
                    ask_to_stop(Interrupted("interrupted"))
                elif signals.terminated:
                    ask_to_stop(Stopped("asked to stop"))
                elif time_limit is not None and now - started > time_limit:
                    ask_to_stop(TimeLimitReached(f"the time limit of {time_limit:g} s passed", where="/run/time_limit"))
            elif now - asked_at > job.grace or signals.interrupted > 1:
                killed = True
                handle.kill()
            if job.memory and now - looked_at_memory > 0.2:
                looked_at_memory = now
                used = handle.memory_used()
                if used is not None and used > job.memory:
                    over = over_memory(job.memory)
                    handle.kill()
            time.sleep(TICK)
        _tell(events, audience, handle)
        return ending(End(code, run.read("outcome", Outcome), handle.failure() or over, asked, killed))
    finally:
        handle.close()


def resumable(run: Run) -> str:
    """What to type to go on."""
    return f"go on with: runner train --resume {run.id}"


def may_retry(error: RunnerError | None, signals: Signals) -> bool:
    """Only the environment's passing errors are tried again, and never against somebody who said stop."""
    return isinstance(error, EnvironmentProblem) and error.retryable and not signals.any


def wait_unless_told(seconds: float, signals: Signals) -> None:
    """Wait before the next attempt, but not against somebody who says stop: that attempt then stops at once."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and not signals.any:
        time.sleep(TICK)


def _add_to_log(run: Run, text: str) -> None:
    # The log is the worker's, and may not be ours to write.
    with contextlib.suppress(OSError), (run.path / "log.txt").open("a", encoding="utf-8") as log:
        log.write(text)


def _tell(events: EventReader, audience: Audience, handle: Handle) -> None:
    for event in events.new():
        if isinstance(event, StartedEvent):
            handle.forget_secrets()
        audience.handle(event)
