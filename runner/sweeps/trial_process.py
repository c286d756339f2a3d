"""One trial in a process of its own: a fork that goes down the one road, and tells what it hears over a pipe.

A fork has all of the program loaded, so that a trial begins in milliseconds; signals and the run's lock are its own. It
ends with the process that forked it, however that ends: its run then has a checkpoint to go on from.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.errors import ExitCode, RunnerError
from runner.execution import train_and_resume
from runner.execution.plan import Plan
from runner.runs.event_kinds import EpochEvent, Event, StepEvent
from runner.runs.events import EventReader
from runner.runs.run_folder import Run, State, all_runs
from runner.spec.checking import LoadedSpec
from runner.workspace import Workspace


@dataclass
class TrialProcess:
    """A trial that is being trained."""

    number: int
    pid: int
    #: Where it tells from, and what ends it when it is closed.
    hears: int
    lease: int
    began: float = field(default_factory=time.monotonic)
    #: What was heard of a line that is not whole yet.
    rest: bytes = b""
    #: What it told at its end.
    end: dict[str, Any] | None = None
    asked_to_stop: bool = False
    #: The GPUs that are its own.
    devices: tuple[str, ...] = ()

    def heard(self) -> list[dict[str, Any]]:
        """What it told since the last call."""
        found = []
        while True:
            try:
                piece = os.read(self.hears, 2**16)
            except BlockingIOError:
                break
            if not piece:
                break
            self.rest += piece
        *lines, self.rest = self.rest.split(b"\n")
        found = [json.loads(line) for line in lines]
        return found

    def over(self) -> int | None:
        """Its exit status once it is over, else None."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        return None if pid == 0 else status

    def stop(self) -> None:
        """Ask it, once, to write a checkpoint and stop."""
        if not self.asked_to_stop:
            self.asked_to_stop = True
            os.kill(self.pid, signal.SIGTERM)

    def close(self) -> None:
        os.close(self.hears)
        os.close(self.lease)


def begin(
    number: int,
    loaded: LoadedSpec,
    workspace: Workspace,
    log: Path,
    metric: str,
    executor: str | None,
    others: Iterable[TrialProcess] = (),
    devices: tuple[str, ...] = (),
) -> TrialProcess:
    """Start, or go on with, the run of a trial's spec. What it would print goes to the file ``log``. ``devices`` are
    the GPUs that it has; empty: whichever there are.

    It tells ``{"run": id}``, ``{"at": n, "value": v}`` for a measurement of ``metric`` after step or epoch n, and at
    the end ``{"end": ...}`` with ``metrics`` and ``model``, or ``error`` and ``code``.
    """
    hears, tells = os.pipe()
    leased, lease = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        code = int(ExitCode.BUG)
        try:
            for other in (hears, lease, *(each for one in others for each in (one.hears, one.lease))):
                os.close(other)
            code = _inside(loaded, workspace, log, metric, executor, devices, tells, leased)
        except BaseException:  # noqa: BLE001 - a fork must not go on as its parent
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(tells)
    os.close(leased)
    os.set_blocking(hears, False)
    return TrialProcess(number, pid, hears, lease, devices=devices)


def _inside(
    loaded: LoadedSpec,
    workspace: Workspace,
    log: Path,
    metric: str,
    executor: str | None,
    devices: tuple[str, ...],
    tells: int,
    leased: int,
) -> int:
    """All that the fork does. Returns its exit code."""
    # Ctrl-C at a terminal reaches the whole group: the parent says what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for mine, standard in ((nothing, 0), (out, 1), (out, 2)):
        os.dup2(mine, standard)
    sys.stdin = None
    threading.Thread(target=_end_with_parent, args=(leased,), daemon=True).start()

    def tell(**what: Any) -> None:
        os.write(tells, json.dumps(what, ensure_ascii=False).encode() + b"\n")

    listener = _Measurements(metric, tell)

    def announce(run: Run, plan: Plan) -> None:
        tell(run=run.id)

    try:
        before = run_of(loaded, workspace)
        if before is not None and (done := _finished(before)) is not None:
            tell(run=before.id)
            for event in EventReader(before.path).new():
                listener.handle(event)
            tell(end=done)
            return 0
        words: dict[str, Any] = {
            "executor": executor,
            "listeners": [listener],
            "announce": announce,
            "devices": devices,
        }
        if before is None:
            finished = train_and_resume.train(loaded, workspace, **words)
        else:
            # What it told after whoever listened was gone.
            for event in EventReader(before.path).new():
                listener.handle(event)
            finished = train_and_resume.resume(before.id, workspace, **words)
    except RunnerError as error:
        print(error, file=sys.stderr, flush=True)
        tell(end={"error": error.message, "where": error.where, "hint": error.hint, "code": int(error.code)})
        return int(error.code)
    tell(end={"metrics": dict(finished.metrics), "model": finished.model.reference})
    return 0


def run_of(loaded: LoadedSpec, workspace: Workspace) -> Run | None:
    """The run that trains, or has trained, a trial: the newest that has its model's name and can go on or is done.

    One that another process still executes is waited for.
    """
    for run in all_runs(workspace.runs):
        spec = run.document("spec")
        if not isinstance(spec, dict) or spec.get("model", {}).get("name") != loaded.spec.model.name:
            continue
        while (state := run.state().state) is State.RUNNING:
            time.sleep(0.2)
        if state in (State.SUCCEEDED, State.INTERRUPTED, State.FAILED):
            return run
    return None


def _finished(run: Run) -> dict[str, Any] | None:
    """The end of a run that has succeeded: its process was ended before it could tell."""
    from runner.runs.run_documents import RunResult

    state = run.state()
    result = run.read("result", RunResult)
    if state.state is not State.SUCCEEDED or result is None or state.model is None:
        return None
    return {"metrics": dict(result.metrics), "model": state.model}


def _end_with_parent(leased: int) -> None:
    while os.read(leased, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


class _Measurements:
    """Hears a run's events, and counts the measurements of one metric."""

    def __init__(self, metric: str, tell: Any) -> None:
        self._metric, self._tell = metric, tell

    def handle(self, event: Event) -> None:
        """Tell a measurement: by its epoch, or by its step where there is one."""
        if not isinstance(event, EpochEvent | StepEvent):
            return
        value = event.metrics.get(self._metric)
        at = event.epoch if event.step is None else event.step
        if value is not None and at is not None:
            self._tell(at=int(at), value=float(value))
