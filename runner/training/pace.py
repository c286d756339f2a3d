"""Not too often: progress that a person follows, and checkpoints that must not cost more than they save."""

from __future__ import annotations

import time


class Every:
    """True at most once in ``seconds``; the first call is already one."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last = float("-inf")

    def due(self) -> bool:
        """Whether it is time again; if so, the clock starts anew."""
        now = time.monotonic()
        if now - self._last < self._seconds:
            return False
        self._last = now
        return True
