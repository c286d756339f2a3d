"""A run that an engine was asked for, followed by its directory: its words come here, and what it made when it is done.

The directory decides. The engine is asked only while nobody is at the run, and says why.
"""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable
from typing import Any

from runner.engines import fetching, run_orders
from runner.engines.engine import Engine, EngineState, EngineStatus, Order
from runner.engines.followed_words import pieces
from runner.engines.run_orders import Submitted
from runner.engines.run_root import Cancelled, How, RunRoot, SubmissionEnd
from runner.engines.verdict import Budget, Standing, Verdict, judge
from runner.errors import EnvironmentProblem, ExitCode, RunnerError, Stopped
from runner.execution.remote_run import RemoteRun
from runner.runs.events import EventWriter
from runner.runs.run_documents import Failure, Outcome
from runner.runs.run_folder import Run

#: How often the directory is looked at, at first and later, and how often the engine is asked; seconds.
FIRST_PAUSE, LAST_PAUSE, ENGINE_PAUSE = 0.2, 5.0, 3.0
#: How long a storage, or an engine while nobody is at the run, may stay away before the following ends, seconds. The
#: run itself goes on.
PATIENCE = 900.0
#: Codes of a job that ended before it began for no fault of the run's: another was at it, or it was told to end.
PASSING = (ExitCode.NOT_FOUND_OR_CONFLICT, ExitCode.STOPPED, -signal.SIGTERM, 128 + signal.SIGTERM)
#: How long an engine may not know a job that it has just been given, seconds.
NEW = 60.0


class EngineHandle:
    """A job on an engine, as the supervisor sees it."""

    def __init__(self, run: Run, root: RunRoot, engine: Engine, order: Callable[[int], Order], budget: Budget) -> None:
        self._run, self._root, self._engine, self._order, self._budget = run, root, engine, order, budget
        self._remote = run.needed("remote", RemoteRun)
        self._submitted: Submitted | None = None
        self._submitted_at = self._begun = time.monotonic()
        self._next = self._ask_at = 0.0
        self._away_since: float | None = None
        #: Since when the engine has not answered while nobody was at the run.
        self._silent_since: float | None = None
        self._told: str | None = None
        self._stopping = self._stop_asked = self._killed = False
        self._let_go: set[str] = set()

    def begin(self) -> None:
        """Submit, unless somebody is at it or it is done. Raises what the engine raises."""
        found = judge(self._root, self._budget)
        if found.standing in (Standing.WAITING, Standing.INTERRUPTED):
            self._submit()

    def poll(self) -> int | None:
        if self._killed:
            return int(ExitCode.KILLED)
        now = time.monotonic()
        if now < self._next:
            return None
        try:
            if self._stopping and not self._stop_asked:
                self._ask_to_stop()
            code = self._look()
            self._away_since = None
        except EnvironmentProblem as error:
            if not error.retryable:
                return self._ended(error)
            self._note(f"{error.message}: trying again")
            self._away_since = self._away_since or now
            if now - self._away_since > PATIENCE:
                error.hint = f"the run goes on there: runner train --resume {self._run.id} follows it again"
                error.retryable = False
                return self._ended(error)
            code = None
        except RunnerError as error:
            return self._ended(error)
        self._next = time.monotonic() + min(LAST_PAUSE, FIRST_PAUSE + (time.monotonic() - self._begun) / 60)
        return code

    def terminate(self) -> None:
        self._stopping = True
        self._next = 0.0

    def kill(self) -> None:
        """Nobody waits any longer. The engine ends the job when its time to stop is over."""
        self._killed = True
        if (job := self._job()) is not None:
            self._engine.cancel(job)

    def facts(self) -> dict[str, Any]:
        job = self._job()
        return {"engine": self._engine.name, "root": self._root.address} | ({"job": job} if job else {})

    def forget_secrets(self) -> None:
        """They are the engine's."""

    def memory_used(self) -> int | None:
        """The node enforces its own limit."""
        return None

    def failure(self) -> RunnerError | None:
        return None

    def close(self) -> None:
        """The run goes on without us."""

    def _look(self) -> int | None:
        self._bring_words()
        found = judge(self._root, self._budget)
        if found.standing is Standing.DONE:
            self._bring_words()
            fetching.fetch(self._root, self._run.path)
            return int(ExitCode.DONE)
        if found.standing is Standing.FAILED:
            self._bring_words()
            assert found.failure is not None
            self._run.write("outcome", Outcome(ok=False, error=_final(found.failure)))
            return found.exit_code
        if found.standing is Standing.CANCELLED:
            return self._cancelled(found)
        if found.standing is not Standing.RUNNING:
            self._push(found)
        return None

    def _cancelled(self, found: Verdict) -> int | None:
        """Over once the last process is gone."""
        if found.live:
            return None
        if (job := self._job()) is not None:
            self._let_go_of(job)
            if self._engine.status(job).state in (EngineState.PENDING, EngineState.RUNNING):
                return None
        self._bring_words()
        marker = self._root.cancelled()
        if marker is not None and marker.final:
            return self._ended(
                Stopped("the run was cancelled", where=self._root.address, hint="it cannot be gone on with there")
            )
        return self._ended(Stopped("the run was asked to stop", where=self._root.address))

    def _push(self, found: Verdict) -> None:
        """Nobody is at it: find out why, and submit it again where its job is over."""
        now = time.monotonic()
        if now < self._ask_at:
            return
        self._ask_at = now + min(ENGINE_PAUSE, FIRST_PAUSE + (now - self._begun) / 10)
        if self._submitted is None:
            self._submit()
            return
        status = self._engine.status(self._submitted.job)
        self._explain(status)
        self._need_answer(status, now)
        if status.state is EngineState.RUNNING and found.lost and self._is_of(found, self._submitted.number):
            # Its process is silent for longer than one that lives may be: whatever is left of it is in the way.
            self._let_go_of(self._submitted.job)
        if status.state in (EngineState.PENDING, EngineState.RUNNING, EngineState.UNREACHABLE):
            return
        claims = [attempt.claim for attempt in self._root.attempts()]
        if not any(claim is not None and claim.submission == self._submitted.number for claim in claims):
            if status.state is EngineState.UNKNOWN and now - self._submitted_at < NEW:
                return
            self._never_began(status)
            return
        ended = found.attempt.end if found.attempt else None
        if ended is not None and ended.how is How.FAILED:
            became, spent = "failed", f"{found.errors} of {self._budget.errors} retries"
        else:
            became = "was lost" if found.lost else "was interrupted"
            spent = f"{found.interruptions} of {self._budget.interruptions} interruptions"
        number = found.attempt.number if found.attempt else 0
        self._say(f"attempt {number} {became}: the run is submitted again ({spent})")
        self._submit()

    def _need_answer(self, status: EngineStatus, now: float) -> None:
        """Raise :class:`EnvironmentProblem` once an engine has been silent for too long: it may be gone for good."""
        if status.state is not EngineState.UNREACHABLE:
            self._silent_since = None
            return
        self._silent_since = self._silent_since or now
        if now - self._silent_since > PATIENCE:
            told = f": {status.why}" if status.why else ""
            minutes = f"{PATIENCE / 60:g} minutes"
            raise EnvironmentProblem(
                f"{self._engine.name} has not answered for {minutes}, and no process is at the run{told}",
                where=self._root.address,
                hint=f"what became of it: runner remote status {self._root.address}; "
                f"follow it again: runner train --resume {self._run.id}",
            )

    def _is_of(self, found: Verdict, number: int) -> bool:
        """Whether the newest attempt is one of that submission's."""
        claim = found.attempt.claim if found.attempt else None
        return claim is not None and claim.submission == number

    def _never_began(self, status: EngineStatus) -> None:
        assert self._submitted is not None
        words = self._engine.words(self._submitted.job)
        if words:
            with (self._run.path / "log.txt").open("a", encoding="utf-8") as log:
                log.write(words if words.endswith("\n") else words + "\n")
        passing = status.interrupted or status.exit_code in PASSING
        end = SubmissionEnd(interrupted=passing, why=status.why, exit_code=status.exit_code)
        run_orders.ended_early(self._root, self._submitted.number, end)
        # What is to be done about it, the directory says.
        self._submitted = None

    def _submit(self) -> None:
        self._submitted = run_orders.submit(self._root, self._engine, self._order)
        self._submitted_at = time.monotonic()

    def _ask_to_stop(self) -> None:
        self._root.create("cancelled.json", Cancelled(final=False, by=socket.gethostname()))
        if (job := self._job()) is not None:
            self._let_go_of(job)
        self._stop_asked = True

    def _let_go_of(self, job: str) -> None:
        """Cancel a job, once."""
        if job not in self._let_go:
            self._let_go.add(job)
            self._engine.cancel(job)

    def _job(self) -> str | None:
        """The engine's id of the job that is under way: ours, or of whoever submitted it."""
        if self._submitted is not None:
            return self._submitted.job
        numbers = self._root.numbers("submissions")
        if not numbers:
            return None
        made, job, _ = self._root.submission(numbers[-1])
        return job if made is not None and made.engine == self._engine.name else None

    def _bring_words(self) -> None:
        for stream, name in (("events", "events.jsonl"), ("log", "log.txt")):
            for data, place in pieces(self._root, stream, getattr(self._remote, stream)):
                with (self._run.path / name).open("ab") as file:
                    file.write(data)
                self._remote = RemoteRun.from_document(self._remote.to_document() | {stream: place.to_document()})
                self._run.write("remote", self._remote)

    def _explain(self, status: EngineStatus) -> None:
        if status.state is EngineState.PENDING:
            self._note(f"{self._engine.name}: pending: {status.why or 'it does not say why'}")
        elif status.state is EngineState.UNREACHABLE:
            self._note(f"{self._engine.name} does not answer{': ' + status.why if status.why else ''}")
        elif status.why:
            self._note(f"{self._engine.name}: {status.state}: {status.why}")

    def _note(self, text: str) -> None:
        """Say it once, until something else is to be said."""
        if text != self._told:
            self._told = text
            self._say(text)

    def _say(self, text: str) -> None:
        events = EventWriter(self._run.path)
        try:
            events.emit("warning", message=text)
        finally:
            events.close()

    def _ended(self, error: RunnerError) -> int:
        self._run.write("outcome", Outcome(ok=False, error=_final(Failure.of(error))))
        return int(error.code)


def _final(failure: Failure) -> Failure:
    """The directory has counted: nothing is tried again by whoever follows."""
    return Failure.from_document(failure.to_document() | {"retryable": False}, lenient=True)
