"""How a process that trains learns that it is to stop: a signal, or the end of its standard input."""

from __future__ import annotations

import os
import signal
import threading


class StopFlag:
    """Set by SIGTERM, SIGINT or SIGHUP, or by the end of the lease. A signal that was ignored stays ignored."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def requested(self) -> bool:
        return self._event.is_set()

    def listen(self, *, lease: bool) -> None:
        """Listen to signals, and with ``lease`` to standard input, whose other end the supervisor holds."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, lambda *_: self._event.set())
        if lease:
            # A worker gives the processes that it starts another standard input.
            threading.Thread(target=self._wait_for_end, args=(os.dup(0),), daemon=True).start()

    def follow(self, parent: int) -> None:
        """Stop when ``parent``, which started this process, ends its standard input, and end with it.

        It holds the other end: when it dies, however it dies, the input ends too.
        """
        threading.Thread(target=self._wait_for_end, args=(0, parent), daemon=True).start()

    def _wait_for_end(self, source: int, parent: int | None = None) -> None:
        while os.read(source, 4096):
            pass
        self._event.set()
        while parent is not None:
            if os.getppid() != parent:
                # Nobody waits for a checkpoint any more, and the next attempt may begin.
                os.kill(os.getpid(), signal.SIGKILL)
            threading.Event().wait(0.1)
