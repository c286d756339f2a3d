"""Whether somebody is at a run, as far as can be told from here: who holds its lock, whether a process lives."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from runner.store.typed_documents import TypedDocument


@dataclass(frozen=True, kw_only=True)
class Process(TypedDocument):
    """What tells a process from every other, a later one of the same number included."""

    host: str | None = None
    pid: int | None = None
    #: When it started, in ticks since the machine did; None where that cannot be told.
    started: int | None = None


def is_held(lock: Path) -> bool | None:
    """Whether a process holds the lock file; None where this user may not even look.

    It is looked at with a shared lock on a file opened for reading: another user may do that, and so may one who sees
    the folder through a read-only mount. Nobody who waits for the lock loses it to this look: they try again.
    """
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return True if error.errno in (errno.EWOULDBLOCK, errno.EACCES) else None
    finally:
        os.close(descriptor)
    return False


def this_process() -> Process:
    """The process that asks."""
    return Process(host=socket.gethostname(), pid=os.getpid(), started=_started(os.getpid()))


def is_alive(process: Process | None) -> bool | None:
    """Whether the process lives; None where it is another machine's, or unknown."""
    if process is None or not is_here(process) or (pid := process.pid) is None:
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        # Another user's: it is there, and how long it has been may be hidden.
        return (started := _started(pid)) is None or started == process.started
    return _started(pid) == process.started


def is_here(process: Process | None) -> bool:
    """Whether that process was one of this machine's."""
    return process is not None and process.host == socket.gethostname()


def _started(pid: int) -> int | None:
    """When a process started, in ticks since the machine did; None for none, for a dead one, and where no /proc is."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    except OSError:
        return None
    # See proc(5): the third field, after the name in brackets, is the state; the 22nd is the start.
    return None if fields[0] in "ZX" else int(fields[19])
