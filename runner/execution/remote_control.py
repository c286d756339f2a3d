"""Looking after a run on an engine by its directory alone: from any machine, and when the cluster is gone."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.engines import fetching
from runner.engines.engine import Engine, EngineState, EngineStatus
from runner.engines.names import ENGINES, open_engine
from runner.engines.run_root import Cancelled, RunRoot, open_run
from runner.engines.verdict import Verdict, judge
from runner.errors import ConflictError, NotFoundError, RunnerError
from runner.execution.plan_document import PlanDocument
from runner.execution.remote_entry import budget_of
from runner.execution.remote_run import RemoteRun
from runner.execution.train_and_resume import store_model
from runner.runs.run_folder import Run, State, find_run
from runner.store.model_lookup import StoredModel
from runner.workspace import Workspace

#: How often a run that is to end is looked at, seconds.
PAUSE = 0.5


@dataclass(frozen=True)
class Named:
    """A run on an engine, and the local run that follows it, where there is one."""

    root: RunRoot
    local: Run | None = None


def named(reference: str, workspace: Workspace) -> Named:
    """What a command's word means: a local run (an id, a part of one, "last", its folder), or ``ROOT/RUN``.

    Raises :class:`NotFoundError` where nothing of that name is, and for a local run that is not on an engine.
    """
    if "/" in reference and not os.path.isfile(Path(reference) / "state.json"):  # noqa: PTH113 - may not be ours to look
        root = open_run(reference)
        root.need()
        return Named(root)
    run = find_run(workspace.runs, reference)
    remote = run.read("remote", RemoteRun)
    if remote is None:
        raise NotFoundError(
            "this run is not on an engine", where=run.id, hint=f"runner runs show {run.id}, or name ROOT/RUN"
        )
    root = remote.open()
    root.need()
    return Named(root, run)


def look(root: RunRoot) -> Verdict:
    """Where the run stands. Raises :class:`NotFoundError` where no run is."""
    return judge(root, budget_of(root.document("spec.json") or {}))


def status(root: RunRoot) -> dict[str, Any]:
    """Everything that the directory tells, and what the engine says of the newest job, where it can be asked."""
    found = look(root)
    attempts = []
    for attempt in root.attempts():
        document: dict[str, Any] = {"attempt": attempt.number}
        if attempt.claim is not None:
            document |= {"host": attempt.claim.host, "pid": attempt.claim.pid}
        if attempt.end is not None:
            document |= attempt.end.to_document()
        elif (silent := root.silent_for(attempt.number)) is not None:
            document |= {"silent_for": round(max(silent, 0.0), 1)}
        attempts.append(document)
    job = newest_job(root)
    said = None
    if job is not None:
        engine, name = job
        with contextlib.suppress(RunnerError, ImportError):
            told = engine.status(name)
            said = {"engine": engine.name, "job": name, "state": str(told.state), "why": told.why}
    return {
        "run": root.id,
        "root": root.address,
        "standing": str(found.standing),
        "live": found.live,
        "lost": found.lost,
        "interruptions": found.interruptions,
        "errors": found.errors,
        "failure": found.failure.to_document() if found.failure else None,
        "checkpoints": sorted({key.split("/")[-2] for key in root.storage.tree("checkpoints") if "MANIFEST" in key}),
        "attempts": attempts,
        "engine": said,
    }


def cancel(root: RunRoot, wait: float, say: Callable[[str], None] = lambda text: None) -> str:
    """Close the run for good, and wait for its last process to be gone. Whoever is at it sees that, saves a checkpoint
    and stops.

    Returns how the end was seen. Raises :class:`ConflictError` for a run that is done, and for one whose processes are
    there after ``wait`` seconds: it stays cancelled.
    """
    if root.done() is not None:
        raise ConflictError("the run is done: there is nothing to cancel", where=root.address)
    root.write("cancelled.json", Cancelled(final=True, by=socket.gethostname()))
    say("nobody begins it any more")
    job = newest_job(root)
    if job is not None:
        engine, name = job
        try:
            engine.cancel(name)
            say(f"{engine.name} is asked to stop {name}")
        except (RunnerError, ImportError) as error:
            say(f"{engine.name} cannot be asked from here: {error}; whoever is at the run sees that it is cancelled")
    until = time.monotonic() + wait
    while True:
        found = look(root)
        if not found.live and (over := _engine_is_done(job)):
            attempt = found.attempt
            if attempt is None:
                return "no process had begun"
            if attempt.end is None:
                return f"attempt {attempt.number} had not been heard of for longer than one that lives may be silent"
            took = f", {attempt.end.stop_seconds:g} s after it was asked to" if attempt.end.stop_seconds else ""
            return f"the last process ended{took}{over}"
        if time.monotonic() > until:
            raise ConflictError(
                f"the run is cancelled, and a process was still at it after {wait:g} s",
                where=root.address,
                hint="it ends when it sees that; look: runner remote status " + root.address,
            )
        time.sleep(PAUSE)


def fetch(place: Named, workspace: Workspace) -> tuple[Run, StoredModel]:
    """Bring what a run made, check it, and store it as any model. A run that follows it is done with that.

    Raises :class:`NotFoundError` for a run that is not done, :class:`~runner.errors.IntegrityError` for one whose files
    are not what was written, :class:`ConflictError` for a local run that has succeeded already.
    """
    root = place.root
    fetching.need_whole(root)
    spec, plan = root.document("spec.json"), root.document("plan.json")
    assert spec is not None and plan is not None
    document = PlanDocument.from_document(plan)
    run = place.local
    if run is None:
        remote = RemoteRun(root=root.above.address, run=root.id)
        run = Run.create(workspace.runs, document.name, {"spec": spec, "plan": document, "remote": remote})
    if run.state().state is State.SUCCEEDED:
        raise ConflictError("the run has its model already", where=run.id, hint=run.state().model)
    with run.lock():
        run.transition(State.RUNNING, executor=document.executor)
        try:
            fetching.fetch(root, run.path)
            model = store_model(run, document, workspace, [])
        except RunnerError:
            run.transition(State.INTERRUPTED, note="the model could not be fetched")
            raise
        run.transition(State.SUCCEEDED, exit_code=0, model=model.reference, stored_at=str(model.path.absolute()))
    return run, model


def newest_job(root: RunRoot) -> tuple[Engine, str] | None:
    """The engine and the id of the newest job of a run; None where none was submitted."""
    for number in reversed(root.numbers("submissions")):
        made, job, _ = root.submission(number)
        if made is not None and job is not None and made.engine in ENGINES:
            return open_engine(made.engine), job
    return None


def _engine_is_done(job: tuple[Engine, str] | None) -> str | None:
    """What to add of the engine's own word, None while it has a process of the run."""
    if job is None:
        return "; no engine has a job of it"
    engine, name = job
    try:
        told: EngineStatus = engine.status(name)
    except RunnerError:
        return f"; {engine.name} cannot be asked from here"
    if told.state in (EngineState.PENDING, EngineState.RUNNING):
        return None
    return f"; {engine.name} says {told.state}"
