"""What can go wrong, in one small hierarchy: an error knows its exit code, its place and the way out.

An error is raised where the fact is known and printed in one place (``runner.cli``). Anything that is not a
:class:`RunnerError` by the time it reaches the command line is a bug of ours (exit code 70).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any, ClassVar


class ExitCode(IntEnum):
    """What the process says to its caller. A container's code is passed through unchanged."""

    DONE = 0
    RUN_FAILED = 1
    USAGE = 2
    SPEC_INVALID = 3
    DATA = 4
    NOT_FOUND_OR_CONFLICT = 5
    ENVIRONMENT = 6
    BUG = 70
    STOPPED = 75
    TIME_LIMIT = 124
    INTERRUPTED = 130
    KILLED = 137


@dataclass(frozen=True)
class Fault:
    """One thing wrong (or, as a warning, one thing odd) at one place of a document.

    ``pointer`` is an RFC 6901 JSON pointer into the document as it was written; ``line`` and ``column`` count from 1.
    """

    message: str
    pointer: str = ""
    line: int | None = None
    column: int | None = None
    expected: str | None = None
    found: str | None = None
    hint: str | None = None

    def place(self, source: str | None = None) -> str:
        """``spec.json:12:7 /model/spec/optimizer``: as much of it as is known."""
        position = f"{self.line}:{self.column}" if self.line is not None else ""
        file = ":".join(part for part in (source or "", position) if part)
        return " ".join(part for part in (file, self.pointer) if part)


class RunnerError(Exception):
    """An error whose cause is known. ``where`` names the place, ``hint`` what to do next."""

    code: ClassVar[ExitCode] = ExitCode.RUN_FAILED
    kind: ClassVar[str] = "run"
    #: Whether the same command may work a moment later. Only the environment's errors may.
    retryable: bool = False

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        """What a traceback shows: the place too, which a message says nothing of."""
        return f"{self.where}: {self.message}" if self.where else self.message

    def as_dict(self) -> dict[str, Any]:
        """The error as the ``--json`` document carries it."""
        return {
            "error": self.kind,
            "exit_code": int(self.code),
            "message": self.message,
            "where": self.where,
            "hint": self.hint,
        }


class UsageError(RunnerError):
    """The words on the command line do not make a command."""

    code = ExitCode.USAGE
    kind = "usage"


class SpecError(RunnerError):
    """The document is not a valid spec: every fault at once, each with its place."""

    code = ExitCode.SPEC_INVALID
    kind = "spec"

    def __init__(self, faults: Iterable[Fault], *, source: str | None = None, hint: str | None = None) -> None:
        self.faults = list(faults)
        self.source = source
        count = len(self.faults)
        super().__init__(f"the spec has {count} fault{'' if count == 1 else 's'}", where=source, hint=hint)

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *(f"{fault.place()}: {fault.message}" for fault in self.faults)])

    def as_dict(self) -> dict[str, Any]:
        return super().as_dict() | {"faults": [asdict(fault) for fault in self.faults]}


class DataError(RunnerError):
    """The data cannot be used. ``where`` is a file, or the pointer of the spec's field that leads to the fault."""

    code = ExitCode.DATA
    kind = "data"


class IntegrityError(DataError):
    """Bytes on disk are not the bytes that were stored: a checksum, a file cut short, one that has no place there."""

    kind = "integrity"


class NotFoundError(RunnerError):
    """Something was named that is not there."""

    code = ExitCode.NOT_FOUND_OR_CONFLICT
    kind = "not found"


class ConflictError(RunnerError):
    """Something is in the way: a name that is taken, a run that is still running, a resume that may not be."""

    code = ExitCode.NOT_FOUND_OR_CONFLICT
    kind = "conflict"


class EnvironmentProblem(RunnerError):
    """The machine lacks something: an engine, a GPU, a key, a package, disk space, a network."""

    code = ExitCode.ENVIRONMENT
    kind = "environment"

    def __init__(
        self, message: str, *, where: str | None = None, hint: str | None = None, retryable: bool = False
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.retryable = retryable


class RunFailed(RunnerError):
    """Training failed for a reason that is not the machine's, nor the data's: the loss became NaN, say."""


class Stopped(RunnerError):
    """The run was asked to stop, saved a checkpoint, and can be resumed."""

    code = ExitCode.STOPPED
    kind = "stopped"


class NodeLost(Stopped):
    """One of the machines that trained together is gone; what was checkpointed can be resumed."""

    kind = "node lost"


class TimeLimitReached(RunnerError):
    """The run's own time limit passed; what was checkpointed can be resumed."""

    code = ExitCode.TIME_LIMIT
    kind = "time limit"


class Interrupted(RunnerError):
    """Ctrl-C."""

    code = ExitCode.INTERRUPTED
    kind = "interrupted"


class OutOfMemory(RunnerError):
    """The run hit its memory limit, or the machine's. Never retried unchanged."""

    code = ExitCode.KILLED
    kind = "out of memory"


class Killed(RunnerError):
    """The worker was killed by somebody else."""

    code = ExitCode.KILLED
    kind = "killed"


#: What a failure that crossed a process border is, by its class name on the wire.
BY_KIND: dict[str, type[RunnerError]] = {
    cls.kind: cls
    for cls in (
        UsageError, DataError, IntegrityError, NotFoundError, ConflictError, EnvironmentProblem, RunFailed, Stopped,
        NodeLost, TimeLimitReached, Interrupted, OutOfMemory, Killed,
    )
}  # fmt: skip
