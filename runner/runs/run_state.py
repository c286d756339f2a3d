"""Where a run stands, as ``state.json`` says it, and which state may follow which."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from runner.errors import ConflictError, DataError, IntegrityError, NotFoundError, RunFailed, SpecError, UsageError
from runner.runs.liveness import Process
from runner.runs.run_documents import Failure
from runner.store.typed_documents import JsonObject, TypedDocument


class State(StrEnum):
    """Where a run stands."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


#: What may follow what. A failed or interrupted run can be resumed; a finished or cancelled one is closed.
FOLLOWS = {
    State.PENDING: {State.RUNNING, State.FAILED, State.CANCELLED, State.INTERRUPTED},
    State.RUNNING: {State.SUCCEEDED, State.FAILED, State.CANCELLED, State.INTERRUPTED},
    State.INTERRUPTED: {State.RUNNING, State.CANCELLED},
    State.FAILED: {State.RUNNING, State.CANCELLED},
    State.SUCCEEDED: set(),
    State.CANCELLED: set(),
}

#: Failures that the same spec on the same data meets again, wherever and whenever it goes on.
LASTING = frozenset(
    error.kind for error in (ConflictError, DataError, IntegrityError, NotFoundError, RunFailed, SpecError, UsageError)
)


def worth_resuming(state: str | None, failure: object) -> bool:
    """Whether a run that ended so may come further when it is resumed. ``failure``: what it says, if it says why."""
    lasting = isinstance(failure, Failure) and failure.error in LASTING
    return state == State.INTERRUPTED or (state == State.FAILED and not lasting)


@dataclass(frozen=True, kw_only=True)
class RunState(TypedDocument):
    """The state document. Times are seconds since 1970."""

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset(
        {
            "created", "attempts", "creator", "executor", "started", "supervisor", "process", "worker", "note",
            "exit_code", "failure", "model", "stored_at", "ended",
        }
    )  # fmt: skip

    state: State
    created: float | None = None
    #: How often it was begun; None in a run that does not say.
    attempts: int | None = None
    #: The process that made it.
    creator: Process | None = None
    executor: str | None = None
    started: float | None = None
    #: The process that supervises it, by its number and as :class:`Process`.
    supervisor: int | None = None
    process: Process | None = None
    #: What identifies the worker: a process, or a container and its image.
    worker: JsonObject | None = None
    #: What became of a run that does not say so itself.
    note: str | None = None
    exit_code: int | None = None
    failure: Failure | None = None
    #: The stored model that it made, and its folder.
    model: str | None = None
    stored_at: str | None = None
    ended: float | None = None
