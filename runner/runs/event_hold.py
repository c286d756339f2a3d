"""A halt at a named event, for tests: a signal that is sent then comes there, however fast or slow the machine is."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from runner.errors import UsageError

#: ``EVENT:N``, the N-th event of that name in this process, and the file that says that it is reached.
AT, FILE = "RUNNER_HOLD_AT", "RUNNER_HOLD_FILE"


class Hold:
    """Makes the file at the named event and waits until it is taken away, or a stop is asked for."""

    def __init__(self, event: str, count: int, file: Path) -> None:
        self._event, self._left, self._file = event, count, file

    @classmethod
    def asked(cls) -> Hold | None:
        """What the environment asks for. Raises :class:`UsageError` for half of it, and for what is no event."""
        at, file = os.environ.get(AT), os.environ.get(FILE)
        if at is None and file is None:
            return None
        event, _, count = (at or "").partition(":")
        if not event or not count.isdigit() or int(count) < 1 or not file:
            raise UsageError(f"{AT} is {at!r} and {FILE} is {file!r}", where=AT, hint="such as epoch:2, and a file")
        return cls(event, int(count), Path(file))

    def reached(self, event: str, stopped: Callable[[], bool] = lambda: False) -> None:
        """Wait here, if this is the event. A signal whose handler raises ends the waiting too."""
        if event != self._event:
            return
        self._left -= 1
        if self._left == 0:
            self._file.touch()
            while self._file.exists() and not stopped():
                time.sleep(0.01)
