"""How a run ended, by class: the class decides the exit code and the advice."""

from __future__ import annotations

import errno
from typing import Any

from runner.errors import (
    BY_KIND,
    EnvironmentProblem,
    ExitCode,
    Interrupted,
    Killed,
    OutOfMemory,
    RunnerError,
    SpecError,
)
from runner.store.files import cannot_write


class InternalError(RunnerError):
    """A bug of ours, or of a builder's: the log has the traceback."""

    code = ExitCode.BUG
    kind = "internal"


def classify(error: BaseException) -> RunnerError:
    """The error of our hierarchy that an exception in a worker amounts to."""
    if isinstance(error, RunnerError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Interrupted("interrupted")
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or _no_memory(error):
        return OutOfMemory(
            f"out of memory: {_first_line(error)}",
            hint="a smaller batch_size, fewer max_samples, or more memory (/run/memory)",
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        from pathlib import Path

        return cannot_write(Path(error.filename or "the run's directory"), error)
    return InternalError(
        f"{type(error).__name__}: {_first_line(error)}",
        hint="the run's log has the whole story: `runner runs logs RUN`",
    )


def revive(document: dict[str, Any] | None, code: int) -> RunnerError | None:
    """The error that a worker recorded in ``outcome.json``, or what its bare exit code says. None: it succeeded."""
    if document and document.get("ok"):
        return None
    error = (document or {}).get("error")
    if error:
        cls = BY_KIND.get(error["error"])
        where, hint = error.get("where"), error.get("hint")
        if error["error"] == SpecError.kind:
            from runner.errors import Fault

            return SpecError([Fault(**fault) for fault in error["faults"]], source=where, hint=hint)
        if cls is EnvironmentProblem:
            return EnvironmentProblem(error["message"], where=where, hint=hint, retryable=bool(error.get("retryable")))
        return (cls or InternalError)(error["message"], where=where, hint=hint)
    if code in (137, 9):
        return Killed(
            "the worker was killed",
            hint="another process, or the system for want of memory, did that; what was checkpointed can be resumed",
        )
    return InternalError(f"the worker ended with code {code} and left no word", hint="see `runner runs logs RUN`")


def _no_memory(error: BaseException) -> bool:
    text = str(error)
    return "not enough memory" in text or "can't allocate memory" in text or "Cannot allocate memory" in text


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
