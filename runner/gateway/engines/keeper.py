"""A process between a server and an engine: whatever becomes of the server, the engine ends with it.

Run by itself, with the engine's command as its words and a pipe of the server's as its standard input. It starts the
engine as a group of its own and ends with the engine's code. When the pipe closes, by the server's will or because the
server is no more, the group is told to end (SIGTERM) and, after :data:`GRACE` seconds, ended (SIGKILL).
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading

#: Seconds that an engine has to end.
GRACE = 15.0


def main(command: list[str]) -> int:
    """Start the engine, and stay until it has ended."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    ended = threading.Event()

    def until_alone() -> None:
        while sys.stdin.buffer.read(1):
            pass
        _tell(child.pid, signal.SIGTERM)
        if not ended.wait(GRACE):
            _tell(child.pid, signal.SIGKILL)

    threading.Thread(target=until_alone, daemon=True).start()
    code = child.wait()
    ended.set()
    # Processes that it began and left.
    _tell(child.pid, signal.SIGKILL)
    return code if code >= 0 else 128 - code


def _tell(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    # The thread that reads may be within the read.
    os._exit(code)
