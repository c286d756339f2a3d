"""How a run ends: what is seen, who sees it, and the class that it gets. The class decides exit code, state and advice.

The first row that fits counts; an ending that a stop came before is classed as any other.

===========================  ==========  ===============================  ==================  ====  ===========
what happened                seen by     how                              class               exit  state
===========================  ==========  ===============================  ==================  ====  ===========
the engine went away         executor    it does not answer               EnvironmentProblem  6     failed
the container was removed    executor    the engine does not know it      Killed              137   interrupted
a container's memory limit   executor    its state, the engine's events   OutOfMemory         137   failed
a local run's memory limit   supervisor  its processes' resident bytes    OutOfMemory         137   failed
the training finished        worker      outcome: ok                      none                0     succeeded
stopped, because of Ctrl-C   worker      outcome: stopped; our SIGINT     Interrupted         130   interrupted
stopped, for the time limit  worker      outcome: stopped; our clock      TimeLimitReached    124   interrupted
stopped otherwise            worker      outcome: stopped                 Stopped             75    interrupted
an error of our hierarchy    worker      outcome: the error               its own             own   failed
no memory, of CPU or GPU     worker      MemoryError, a library's words   OutOfMemory         137   failed
the disk is full             worker      OSError                          EnvironmentProblem  6     failed
any other exception          worker      outcome: internal                InternalError       70    failed
ended by us after a stop     supervisor  none; 137, 143, 130, 129         as the stop         own   interrupted
killed by somebody else      supervisor  none; the same codes             Killed              137   interrupted
crashed (SIGSEGV, SIGABRT)   supervisor  none; 128 + the signal's number  InternalError       70    failed
ended without a word         supervisor  none; any other code             InternalError       70    failed
===========================  ==========  ===============================  ==================  ====  ===========

The outcome is the document that the worker leaves, ``outcome.json``. A worker that ends by signal N has the code
128 + N, in a container and as a local process alike.
"""

from __future__ import annotations

import errno
import signal
from dataclasses import dataclass

from runner.errors import (
    BY_KIND,
    EnvironmentProblem,
    ExitCode,
    Fault,
    Interrupted,
    Killed,
    OutOfMemory,
    RunnerError,
    SpecError,
    Stopped,
    TimeLimitReached,
)
from runner.runs.run_documents import Outcome
from runner.store.files import cannot_write
from runner.training.memory_faults import is_out_of_memory

#: Ends after which the run's checkpoints are good and nothing but time or the machine stood in the way.
RESUMABLE = (Stopped, Interrupted, TimeLimitReached, Killed)
#: Signals by which a process is ended from outside. Of the others it dies by a fault of its own.
FROM_OUTSIDE = {signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


class InternalError(RunnerError):
    """A bug of ours, or of a builder's: the log has the traceback."""

    code = ExitCode.BUG
    kind = "internal"


@dataclass(frozen=True)
class End:
    """What was seen of the end of an attempt."""

    #: The worker's exit code.
    code: int
    #: The document that the worker left, ``outcome.json``.
    outcome: Outcome | None = None
    #: What the executor alone knows (:func:`of_container`), or the supervisor (:func:`over_memory`).
    known: RunnerError | None = None
    #: Why we asked the worker to stop, if we did.
    asked: RunnerError | None = None
    #: Whether we killed it, because it did not stop.
    killed: bool = False


def ending(end: End) -> RunnerError | None:
    """The error that an attempt ended with, or None: it succeeded. A failure is never masked by a stop before it."""
    if end.known is not None:
        return end.known
    error = revive(end.outcome, end.code)
    if end.asked is None or error is None:
        return error
    # The worker can only say that it stopped; why it was asked to is ours to say.
    stopped = isinstance(error, (Stopped, Interrupted))
    # One that was asked before it could listen dies of the signal; one that did not stop died of ours.
    ended = isinstance(error, Killed) and (end.killed or _signal(end.code) is not signal.SIGKILL)
    return end.asked if stopped or ended else error


def classify(error: BaseException) -> RunnerError:
    """The error of our hierarchy that an exception in a worker amounts to."""
    if isinstance(error, RunnerError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Interrupted("interrupted")
    if is_out_of_memory(error):
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


def revive(outcome: Outcome | None, code: int) -> RunnerError | None:
    """The error that a worker recorded in ``outcome.json``, or what its bare exit code says. None: it succeeded."""
    if outcome is not None and outcome.ok:
        return None
    if outcome is not None and outcome.error is not None:
        error = outcome.error
        cls = BY_KIND.get(error.error)
        if error.error == SpecError.kind:
            return SpecError([Fault(**fault) for fault in error.faults], source=error.where, hint=error.hint)
        if cls is EnvironmentProblem:
            again = bool(error.retryable)
            return EnvironmentProblem(error.message, where=error.where, hint=error.hint, retryable=again)
        return (cls or InternalError)(error.message, where=error.where, hint=error.hint)
    by = _signal(code)
    if by in FROM_OUTSIDE:
        return Killed(
            "the worker was killed" if by is signal.SIGKILL else f"the worker was ended by {by.name}",
            hint="another process, or the system for want of memory, did that; what was checkpointed can be resumed",
        )
    how = f"crashed ({by.name})" if by is not None else f"ended with code {code} and left no word"
    return InternalError(f"the worker {how}", hint="see `runner runs logs RUN`")


def of_container(
    code: int | None, *, run: str, gone: bool, removed: bool, killed: bool, over_limit: int | None
) -> RunnerError | None:
    """What an engine alone knows of a container's end. None: ask the worker's outcome.

    ``gone``: the engine does not answer; ``removed``: it does not know the container; ``killed``: we killed it;
    ``over_limit``: the memory limit in bytes that it hit, None if it hit none.
    """
    if gone:
        return EnvironmentProblem(
            "the Docker Engine went away while the run was executing",
            hint=f"start it again, then: runner train --resume {run}",
        )
    if killed or code in (None, ExitCode.DONE, ExitCode.STOPPED):
        return None
    if removed:
        return Killed("somebody removed the run's container", hint="what was checkpointed can be resumed")
    return over_memory(over_limit) if over_limit is not None else None


def over_memory(limit: int) -> OutOfMemory:
    """The error of a run that used more than ``limit`` bytes, whoever enforces that."""
    return OutOfMemory(
        f"the run used more than its memory limit of {limit / 2**20:.0f} MiB",
        where="/run/memory",
        hint="raise it, or train with a smaller batch_size, max_length or max_samples, whichever the spec has",
    )


def _signal(code: int) -> signal.Signals | None:
    try:
        # A bare 9 is what some engines say of a process that was killed.
        return signal.Signals(code if code == signal.SIGKILL else code - 128)
    except ValueError:
        return None


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
