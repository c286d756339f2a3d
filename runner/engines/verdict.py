"""What is to be done about a run, judged from its directory alone: by who would begin, and by who waits for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from runner.engines.run_root import Attempt, How, RunRoot
from runner.errors import EnvironmentProblem, ExitCode, Killed, RunnerError
from runner.runs.run_documents import Failure


class Standing(StrEnum):
    """Where a run stands, as far as its directory tells."""

    #: Nobody has begun.
    WAITING = "waiting"
    #: Somebody is at it.
    RUNNING = "running"
    #: It was interrupted, or whoever was at it is gone: it may go on.
    INTERRUPTED = "interrupted"
    #: It ended with an error that the same again would meet, or has used up its budget.
    FAILED = "failed"
    CANCELLED = "cancelled"
    DONE = "done"


@dataclass(frozen=True)
class Budget:
    """How often a run may be begun again: after it was interrupted, and after the environment failed."""

    interruptions: int = 0
    errors: int = 0


@dataclass(frozen=True)
class Verdict:
    """Where it stands, and why."""

    standing: Standing
    #: The newest attempt, if there is one.
    attempt: Attempt | None = None
    failure: Failure | None = None
    interruptions: int = 0
    errors: int = 0
    #: Whether somebody is still at it: of a cancelled run that writes its checkpoint.
    live: bool = False
    #: Whether the newest attempt has not ended, as far as anybody heard, and its owner is silent.
    lost: bool = False

    @property
    def exit_code(self) -> int:
        """What a process says that finds this and does not begin."""
        return (self.failure and self.failure.exit_code) or int(ExitCode.RUN_FAILED)


def judge(root: RunRoot, budget: Budget) -> Verdict:
    """Look at a run's directory. Raises what its storage raises."""
    if root.done() is not None:
        return Verdict(Standing.DONE)
    cancelled = root.cancelled() is not None
    attempts = root.attempts()
    newest = attempts[-1] if attempts else None
    live = newest is not None and root.is_live(newest)
    lost = newest is not None and newest.end is None and not live
    forgiven = root.forgiven()
    interruptions = errors = 0
    last: Failure | None = None
    for attempt in attempts:
        if attempt.number <= forgiven.attempts or (attempt is newest and live):
            continue
        last = attempt.end.failure if attempt.end else None
        if attempt.end is None or attempt.end.how in (How.INTERRUPTED, How.SUPERSEDED):
            interruptions += 1
        elif attempt.end.how is How.FAILED:
            errors += 1
    for number in root.numbers("submissions"):
        if number > forgiven.submissions and (ended := root.submission(number)[2]) is not None:
            interruptions += ended.interrupted
            errors += not ended.interrupted
            if not ended.interrupted:
                last = Failure.of(_never_began(ended.why, ended.exit_code))
    found = Verdict(Standing.WAITING, newest, None, interruptions, errors, live, lost)
    if cancelled:
        return replace(found, standing=Standing.CANCELLED)
    if live:
        return replace(found, standing=Standing.RUNNING)
    if last is not None and last.retryable is False and errors:
        return replace(found, standing=Standing.FAILED, failure=last)
    if errors > budget.errors:
        return replace(found, standing=Standing.FAILED, failure=last or Failure.of(_never_began(None, None)))
    if interruptions > budget.interruptions:
        return replace(found, standing=Standing.FAILED, failure=Failure.of(_interrupted(interruptions)))
    return found if newest is None and not errors + interruptions else replace(found, standing=Standing.INTERRUPTED)


def _never_began(why: str | None, code: int | None) -> RunnerError:
    """A retryable failure: the budget alone ends it."""
    told = why or (f"it ended with code {code}" if code is not None else "the engine does not say why")
    return EnvironmentProblem(f"the engine's job ended before the run began: {told}", hint="its words are in the log")


def _interrupted(count: int) -> RunnerError:
    return Killed(
        f"the run was interrupted {count} times, which is more than run.engine.interruptions allows",
        where="/run/engine/interruptions",
        hint="what was checkpointed can be resumed",
    )
