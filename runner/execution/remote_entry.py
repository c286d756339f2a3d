"""``runner worker --root ROOT/RUN``: what engines start. It takes an attempt, trains, and brings back what came of it.

An engine may start it as often as it likes, on as many machines: one alone takes an attempt. What it says to the engine
are exit codes: 0, there is nothing (more) to do; 5, another process is at it; 75, interrupted with a checkpoint; else
the error's own.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from runner.engines import remote_checkpoints, staged_inputs, whole_folders
from runner.engines.fetching import need_whole
from runner.engines.mirror import CancelledRun, Mirror, Superseded, patiently
from runner.engines.run_root import AttemptEnd, Done, How, RunRoot, as_bytes, attempt_folder, checksum, open_run
from runner.engines.verdict import Budget, Standing, judge
from runner.errors import EnvironmentProblem, ExitCode, IntegrityError, Interrupted, RunnerError, Stopped
from runner.execution.executor import Job
from runner.execution.failure_classes import RESUMABLE, classify
from runner.execution.local_executor import LocalExecutor
from runner.execution.plan_document import PlanDocument
from runner.execution.supervisor import Signals, attempt, caught_signals
from runner.runs.events import EventWriter
from runner.runs.liveness import this_process
from runner.runs.run_documents import Failure, RunResult
from runner.runs.run_folder import Run
from runner.runs.run_state import RunState, State
from runner.spec.byte_sizes import parse_memory
from runner.workspace import Workspace

#: By which an order says which submission it is.
SUBMISSION = "RUNNER_SUBMISSION"
#: What is brought back of an attempt that trained the model.
DOCUMENTS = ("result", "tables", "lock", "outcome")
#: How often an attempt is taken that another takes at the same moment.
RACES = 3


def work_remotely(address: str) -> int:
    """Execute the run at ``ROOT/RUN``, if there is anything to do, and return the exit code."""
    with caught_signals() as signals:
        root = open_run(address)
        root.need()
        budget = budget_of(_document(root, "spec.json"))
        for _ in range(RACES):
            found = judge(root, budget)
            if found.standing is Standing.DONE:
                need_whole(root)
                return _say(root, "the run is done", ExitCode.DONE)
            if found.standing is Standing.CANCELLED:
                return _say(root, "the run was cancelled", ExitCode.DONE)
            if found.standing is Standing.RUNNING:
                return _say(root, "another process is at this run", ExitCode.NOT_FOUND_OR_CONFLICT)
            if found.standing is Standing.FAILED:
                told = found.failure.message if found.failure else "it failed"
                return _say(root, f"the run has failed and is not tried again: {told}", found.exit_code)
            number = (found.attempt.number if found.attempt else 0) + 1
            owner = secrets.token_hex(8)
            if root.claim(number, owner, time.time(), _submission()):
                return _Attempt(root, number, owner, signals).carry_out()
        return _say(root, "another process took this run", ExitCode.NOT_FOUND_OR_CONFLICT)


def budget_of(spec: Mapping[str, Any]) -> Budget:
    """How often the run of a spec's document may be begun again."""
    section = spec.get("run") or {}
    return Budget((section.get("engine") or {}).get("interruptions", 0), section.get("retries", 0))


class _Attempt:
    """One attempt on this machine."""

    def __init__(self, root: RunRoot, number: int, owner: str, signals: Signals) -> None:
        self._root, self._number, self._owner, self._signals = root, number, owner, signals
        #: Why the training is to end, where it was not a signal.
        self._told: RunnerError | None = None

    def carry_out(self) -> int:
        """From the claim to the end of it."""
        folder = Path(tempfile.mkdtemp(prefix=f"{self._root.id}-", dir=_scratch()))
        mirror: Mirror | None = None
        error: RunnerError | None = None
        try:
            run = Run(folder / self._root.id)
            run.path.mkdir()
            mirror = Mirror(self._root, self._number, self._owner, run.path, self._stop)
            mirror.keep_lease()
            try:
                job, time_limit = self._prepare(run)
                mirror.follow()
                error = self._train(run, job, time_limit)
            except BaseException as failed:  # noqa: BLE001 - whatever it was, its end is written down for those who wait
                error = classify(failed)
            if not isinstance(self._told, Superseded):
                try:
                    # The lease is renewed to the end: what is left to copy may take its time.
                    mirror.copy_rest()
                    if error is None:
                        self._hand_over(run, mirror)
                except Superseded as gone:
                    self._told = gone
                except Exception as refused:  # noqa: BLE001 - as above
                    error = error or classify(refused)
            return self._end(mirror, error)
        finally:
            if mirror is not None:
                mirror.close()
            shutil.rmtree(folder, ignore_errors=True)

    def _stop(self, why: RunnerError) -> None:
        self._told = self._told or why
        self._signals.at = self._signals.at or time.monotonic()
        if isinstance(why, Superseded):
            # Nothing that it makes is of use: it is killed.
            self._signals.interrupted = 2
        else:
            self._signals.terminated += 1

    def _prepare(self, run: Run) -> tuple[Job, float | None]:
        root = self._root
        spec, plan = _document(root, "spec.json"), _document(root, "plan.json")
        cache = Workspace.current().cache.absolute()
        here = staged_inputs.places(root.above, [spec, plan], cache / "inputs")
        spec, plan = staged_inputs.replaced(spec, here), staged_inputs.replaced(plan, here)
        document = PlanDocument.from_document(plan)
        cwd = Path(document.cwd) if Path(document.cwd).is_dir() else run.path
        document = replace(document, executor="local", cwd=str(cwd), cache=str(cache))
        for folder in ("checkpoints", "artifact"):
            (run.path / folder).mkdir()
        run.write("spec", spec)
        run.write("plan", document)
        born = RunState(state=State.PENDING, created=time.time(), attempts=0, creator=this_process())
        run.write("state", born)
        events = EventWriter(run.path)
        try:

            def warn(message: str) -> None:
                events.emit("warning", message=message)

            if any(each.end is None for each in root.attempts() if each.number < self._number):
                warn(f"attempt {self._number}: the machine of the one before it was lost, or cut off")
            remote_checkpoints.bring(root, run.path, warn)
        finally:
            events.close()
        self._bring_lock(run)
        section = spec["run"]
        job = Job(
            run=run.path,
            cwd=cwd,
            cache=cache,
            gpus=section["gpus"],
            processes=section["processes"],
            cpus=section["cpus"],
            memory=None if section["memory"] is None else parse_memory(section["memory"]),
            network=True,
            grace=(section.get("engine") or {}).get("stop_grace", 60.0),
        )
        return job, section["time_limit"]

    def _bring_lock(self, run: Run) -> None:
        """What an earlier attempt was made with, so that one that goes on with other data is refused."""
        for number in range(self._number - 1, 0, -1):
            if (lock := self._root.document(f"{attempt_folder(number)}/lock.json")) is not None:
                run.write("lock", lock)
                return

    def _train(self, run: Run, job: Job, time_limit: float | None) -> RunnerError | None:
        executor = LocalExecutor()
        executor.check(job)
        with run.lock():
            run.transition(State.RUNNING, executor="local")
            return attempt(run, executor, job, [], self._signals, time_limit)

    def _hand_over(self, run: Run, mirror: Mirror) -> None:
        """The artifact, then its documents, then the word that it is done."""
        mine = attempt_folder(self._number)
        run.needed("result", RunResult)
        made: list[Done] = []

        def bring() -> None:
            mirror.need_ours()
            artifact = whole_folders.put(self._root.storage, run.path / "artifact", f"{mine}/artifact")
            sums = {}
            for name in DOCUMENTS:
                if (document := run.document(name)) is not None:
                    data = as_bytes(document)
                    self._root.storage.write(f"{mine}/{name}.json", data)
                    sums[name] = checksum(data)
            mirror.need_ours()
            made[:] = [Done(attempt=self._number, artifact=artifact, documents=sums)]

        patiently(bring)
        done = made[0]
        patiently(lambda: self._root.create("DONE.json", done))
        if self._root.done() != done:
            raise Superseded("another attempt has finished the run", where=self._root.address)
        with suppress(EnvironmentProblem):
            # As of every run that has succeeded.
            self._root.storage.remove(remote_checkpoints.FOLDER)

    def _end(self, mirror: Mirror, error: RunnerError | None) -> int:
        how, code = How.DONE, int(ExitCode.DONE)
        failure: Failure | None = None
        if isinstance(self._told, Superseded):
            how, code, error = How.SUPERSEDED, int(ExitCode.NOT_FOUND_OR_CONFLICT), self._told
        elif isinstance(error, RESUMABLE) and self._was_cancelled():
            how = How.CANCELLED
        elif isinstance(error, (Stopped, Interrupted)):
            how, code = How.INTERRUPTED, int(ExitCode.STOPPED)
            if isinstance(self._told, EnvironmentProblem):
                how, error, code = How.FAILED, self._told, int(self._told.code)
        elif error is not None:
            how, code = How.FAILED, int(error.code)
        if error is not None:
            failure = replace(Failure.of(error), retryable=error.retryable)
            print(f"runner: {error}", file=sys.stderr)
        stopped = round(time.monotonic() - self._signals.at, 1) if self._signals.at is not None else None
        end = AttemptEnd(how=how, exit_code=code, failure=failure, stop_seconds=stopped)
        with suppress(EnvironmentProblem):
            # Whoever finds none sees a lease that lapses.
            patiently(lambda: self._root.create(f"{attempt_folder(self._number)}/end.json", end), 60)
        return code

    def _was_cancelled(self) -> bool:
        with suppress(EnvironmentProblem):
            return isinstance(self._told, CancelledRun) or self._root.cancelled() is not None
        return False


def _document(root: RunRoot, key: str) -> dict[str, Any]:
    found = root.document(key)
    if found is None:
        raise IntegrityError("this file is missing", where=f"{root.address}/{key}")
    return found


def _say(root: RunRoot, text: str, code: int) -> int:
    print(f"runner: {root.id}: {text}", file=sys.stderr)
    return int(code)


def _submission() -> int | None:
    value = os.environ.get(SUBMISSION, "")
    return int(value) if value.isdigit() else None


def _scratch() -> str | None:
    """Where the attempt's own folder is made: beside the cache, where one is named, else with temporary files."""
    named = os.environ.get("RUNNER_CACHE_DIR")
    if not named:
        return None
    folder = Path(named) / "attempts"
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)
