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
CHECKPOINT_SHARE = 0.02
#: Bytes that are saved in a second, until it is known: read from a GPU, hashed, written and synced to a plain disk.
BYTES_A_SECOND = 250e6
#: Bytes of a checkpoint that is saved after the first measuring and at the end, as its cost is nothing.
SMALL = 2**26
#: Seconds that a checkpoint between two measurings is apart from the one before: less is soon learned again.
BETWEEN = 10.0


class Saving:
    """Saves checkpoints as often as their cost allows.

    ``size`` is what the first may be expected to take, in bytes. ``agreed`` gives several processes one answer.
    """

    def __init__(self, save: Callable[[], None], size: int = 0, agreed: Callable[[bool], bool] = bool) -> None:
        self._save, self._small, self._agreed = save, size <= SMALL, agreed
        self._at, self._seconds = time.monotonic(), 0.0 if self._small else size / BYTES_A_SECOND
        self._first = True

    def after_measuring(self, *, last: bool = False) -> None:
        """Save, unless it would take more than its share of the time; the last, if large, more than could be lost."""
        free, self._first = self._small and (last or self._first), False
        if free or self._due(1.0 if last else CHECKPOINT_SHARE):
            self.now()

    def between(self) -> None:
        """Save, unless it would take more than its share of the time, or was done a moment ago."""
        if self._due(CHECKPOINT_SHARE, BETWEEN):
            self.now()

    def now(self) -> None:
        """Save, whatever it takes."""
        began = time.monotonic()
        self._save()
        self._at = time.monotonic()
        self._seconds = self._at - began

    def _due(self, share: float, apart: float = 0.0) -> bool:
        passed = time.monotonic() - self._at
        return self._agreed(self._seconds <= share * passed and apart <= passed)
