"""How several processes of one training ended, and which of their ends is the reason for the others."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace

from runner.errors import Killed, NodeLost, OutOfMemory, RunnerError, Stopped
from runner.execution.failure_classes import InternalError, classify, revive
from runner.runs.run_documents import Failure, Outcome


class PeerLost(RunnerError):
    """A process of a training found another one gone, whose own end is the reason."""

    kind = "peer lost"


@dataclass(frozen=True)
class ProcessEnd:
    """How one of them ended."""

    rank: int
    #: Its exit code, 128 + N for the signal N.
    code: int
    #: Whether it had ended before those that were left were told to end.
    by_itself: bool
    #: What it left: one that was killed leaves nothing.
    outcome: Outcome | None


def fault_of(error: BaseException) -> RunnerError:
    """The error that an exception in one of the processes amounts to."""
    from runner.training.process_group import is_peer_lost

    fault = classify(error)
    if isinstance(fault, InternalError) and is_peer_lost(error):
        return PeerLost(fault.message, hint=fault.hint)
    return fault


def reason(ends: Sequence[ProcessEnd], count: int | None = None) -> RunnerError | None:
    """The error of a training whose processes ended so, with the rank that it came from; None where all went well.

    ``count`` is how many there were, where more than those: on other machines, whose reasons are told there. There,
    what a process says that found another gone is not the reason, and :class:`NodeLost` is told.
    """
    failed = [end for end in ends if end.code != 0 or end.outcome is None or not end.outcome.ok]
    if not failed:
        return None
    first = min(failed, key=lambda end: (not end.by_itself, _distance(end), end.rank))
    outcome = first.outcome
    if outcome is not None and outcome.error is not None and outcome.error.error == PeerLost.kind:
        if count is not None and count > len(ends):
            return NodeLost("the processes of another node ended", hint="the head of the nodes says why")
        outcome = replace(outcome, error=replace(outcome.error, error=InternalError.kind))
    error = revive(outcome, first.code)
    # What the others would have met too needs no rank; nor does a stop, which all of them made.
    if error is not None and (first.rank or isinstance(error, Killed | OutOfMemory | InternalError)):
        error.message = f"rank {first.rank} of {count or len(ends)} processes: {error.message}"
    return error


def _distance(end: ProcessEnd) -> int:
    """How far an end is from the reason, of ends that were seen together."""
    if end.outcome is None or end.outcome.error is None:
        # Without a word it was killed or crashed: by somebody else, unless it is how we end those that are left.
        return 0 if end.code != 128 + signal.SIGTERM else 4
    kind = end.outcome.error.error
    return {PeerLost.kind: 3, Stopped.kind: 2}.get(kind, 1)


def told(fault: RunnerError) -> Outcome:
    """What a process leaves that ended with an error."""
    return Outcome(ok=False, error=replace(Failure.of(fault), retryable=fault.retryable))
