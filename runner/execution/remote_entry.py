"""``runner worker --root ROOT/RUN``: what engines start. It takes an attempt, trains, and brings back what came of it.

An engine may start it as often as it likes, on as many machines: one alone takes an attempt, and of several nodes that
train together the head. What it says to the engine
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

from runner.engines import remote_checkpoints, run_root, whole_folders
from runner.engines.fetching import need_whole
from runner.engines.mirror import CancelledRun, Mirror, Superseded, patiently
from runner.engines.run_root import AttemptEnd, Done, How, RunRoot, as_bytes, attempt_folder, checksum, open_run
from runner.engines.verdict import Budget, Standing, Verdict, judge
from runner.errors import EnvironmentProblem, ExitCode, Interrupted, RunnerError, Stopped
from runner.execution import remote_job
from runner.execution.executor import Job
from runner.execution.failure_classes import RESUMABLE, classify
from runner.execution.local_executor import LocalExecutor
from runner.execution.node_follower import work_for_head
from runner.execution.nodes import Nodes
from runner.execution.supervisor import Signals, attempt, caught_signals
from runner.runs.events import EventWriter
from runner.runs.run_documents import Failure, RunResult
from runner.runs.run_folder import Run
from runner.runs.run_state import State

#: By which an order says which submission it is.
SUBMISSION = "RUNNER_SUBMISSION"
#: What is brought back of an attempt that trained the model.
DOCUMENTS = ("result", "tables", "lock", "outcome")
#: How often an attempt is taken that another takes at the same moment.
RACES = 3
#: How often a lease is looked at that has to lapse, seconds.
LOOK_EVERY = 0.5


def work_remotely(address: str) -> int:
    """Execute the run at ``ROOT/RUN``, if there is anything to do, and return the exit code."""
    with caught_signals() as signals:
        root = open_run(address)
        root.need()
        nodes = Nodes.of_environment()
        budget = budget_of(remote_job.document(root, "spec.json"))
        for _ in range(RACES):
            found = judge(root, budget)
            if found.standing is Standing.DONE:
                need_whole(root)
                return _say(root, "the run is done", ExitCode.DONE)
            if found.standing is Standing.CANCELLED:
                return _say(root, "the run was cancelled", ExitCode.DONE)
            if found.standing is Standing.RUNNING and not nodes.rank and _started_again(found):
                # Nobody submits it a second time: who left now would have left for good.
                found = _after_our_former_start(root, budget, signals)
                if signals.any:
                    return _say(root, "asked to stop before it began", ExitCode.STOPPED)
                if found.standing is not Standing.RUNNING:
                    continue
            if found.standing is Standing.RUNNING and not nodes.rank:
                return _say(root, "another process is at this run", ExitCode.NOT_FOUND_OR_CONFLICT)
            if found.standing is Standing.FAILED:
                told = found.failure.message if found.failure else "it failed"
                return _say(root, f"the run has failed and is not tried again: {told}", found.exit_code)
            if nodes.rank:
                return work_for_head(root, nodes, signals)
            number = (found.attempt.number if found.attempt else 0) + 1
            owner = secrets.token_hex(8)
            if root.claim(number, owner, time.time(), _submission()):
                return _Attempt(root, number, owner, signals, nodes).carry_out()
        return _say(root, "another process took this run", ExitCode.NOT_FOUND_OR_CONFLICT)


def budget_of(spec: Mapping[str, Any]) -> Budget:
    """How often the run of a spec's document may be begun again."""
    section = spec.get("run") or {}
    return Budget((section.get("engine") or {}).get("interruptions", 0), section.get("retries", 0))


def _started_again(found: Verdict) -> bool:
    """Whether an engine started the job again whose process is at the run: that process is gone, or is ending."""
    claim = found.attempt.claim if found.attempt else None
    return claim is not None and claim.submission is not None and claim.submission == _submission()


def _after_our_former_start(root: RunRoot, budget: Budget, signals: Signals) -> Verdict:
    """Where the run stands once the lease of the job's former process is given back or has lapsed. One that lives, on a
    machine that the engine took for lost, is left alone: the wait ends after as long as a lease lasts, and a little."""
    end = time.monotonic() + run_root.LAPSED_AFTER * 1.2
    while (found := judge(root, budget)).standing is Standing.RUNNING:
        if signals.any or time.monotonic() > end:
            break
        time.sleep(LOOK_EVERY)
    return found


class _Attempt:
    """One attempt on this machine, and on those that train with it."""

    def __init__(self, root: RunRoot, number: int, owner: str, signals: Signals, nodes: Nodes) -> None:
        self._root, self._number, self._owner, self._signals, self._nodes = root, number, owner, signals, nodes
        #: Why the training is to end, where it was not a signal.
        self._told: RunnerError | None = None

    def carry_out(self) -> int:
        """From the claim to the end of it."""
        folder = Path(tempfile.mkdtemp(prefix=f"{self._root.id}-", dir=remote_job.scratch()))
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
        found = remote_job.put_documents(root, run, self._nodes)
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
        return found

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


def _say(root: RunRoot, text: str, code: int) -> int:
    print(f"runner: {root.id}: {text}", file=sys.stderr)
    return int(code)


def _submission() -> int | None:
    value = os.environ.get(SUBMISSION, "")
    return int(value) if value.isdigit() else None
