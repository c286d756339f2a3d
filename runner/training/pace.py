"""Not too often: progress that a person follows, and checkpoints that must not cost more than they save."""

from __future__ import annotations

import time
from collections.abc import Callable


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


#: Saving may take this share of the time; a checkpoint that costs more is taken less often.
CHECKPOINT_SHARE = 0.1


class Saving:
    """Saves checkpoints as often as their cost allows. ``agreed`` gives several processes one answer."""

    def __init__(self, save: Callable[[], None], agreed: Callable[[bool], bool] = bool) -> None:
        self._save, self._agreed = save, agreed
        self._at, self._seconds = time.monotonic(), 0.0

    def if_cheap(self, *, last: bool = False) -> None:
        """Save, unless saving would take more than its share of the time; the last one always."""
        now = time.monotonic()
        if last or self._agreed(self._seconds <= CHECKPOINT_SHARE * (now - self._at)):
            self._save()
            self._at = time.monotonic()
            self._seconds = self._at - now
