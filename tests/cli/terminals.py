"""A command at a terminal of its own: what a person sees there, types there, and stops there."""

from __future__ import annotations

import os
import pty
import re
import select
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests import warm

#: What is not shown after this many seconds will not be.
DEADLINE = 120.0
#: A key that has shown nothing after this many seconds was lost.
PATIENCE = 10.0
CTRL_C, CTRL_D = b"\x03", b"\x04"


class Terminal:
    """The person's end of a terminal."""

    def __init__(self, descriptor: int, held: int, child: Any) -> None:
        self._descriptor, self._held, self._child = descriptor, held, child
        #: All that was shown, and how much of it was looked at.
        self.shown, self._seen = "", 0

    def type(self, line: str) -> None:
        os.write(self._descriptor, line.encode() + b"\n")

    def press(self, key: bytes) -> None:
        os.write(self._descriptor, key)

    def wait_for(self, pattern: str, key: bytes | None = None) -> str:
        """What is shown up to the pattern and with it, behind what was waited for before.

        ``key`` is pressed, and again each time that nothing came after it for a while: readline loses a signal that
        arrives between its prompt and its first read, and a person presses again.
        """
        end = time.monotonic() + DEADLINE
        again = time.monotonic()
        while (found := re.compile(pattern).search(self.shown, self._seen)) is None:
            if key is not None and time.monotonic() >= again:
                self.press(key)
                again = time.monotonic() + PATIENCE
            assert time.monotonic() < end, f"{pattern!r} is not shown:\n{self.shown[self._seen :]}"
            assert self._read(), f"{pattern!r} was never shown:\n{self.shown[self._seen :]}"
        text = self.shown[self._seen : found.end()]
        self._seen = found.end()
        return text

    def end(self) -> int:
        """Read all, and give the exit code. The command has shown something before."""
        # It ends for us when the command's own descriptors are the last.
        os.close(self._held)
        while self._read():
            pass
        self._child.join(DEADLINE)
        return int(self._child.exitcode)

    def _read(self) -> bool:
        """One more piece; False at the end."""
        if not select.select([self._descriptor], [], [], 1.0)[0]:
            return True
        try:
            data = os.read(self._descriptor, 65536)
        except OSError:
            return False
        self.shown += data.decode("utf-8", "replace")
        return bool(data)


@contextmanager
def at_a_terminal(words: list[str], home: Path, variables: Mapping[str, str]) -> Iterator[Terminal]:
    """``runner WORDS`` in a copy, as its terminal's foreground."""
    ours, theirs = pty.openpty()
    child = warm.process(_command, (list(words), home, dict(variables), os.ttyname(theirs)))
    try:
        yield Terminal(ours, theirs, child)
    finally:
        if child.is_alive():
            child.kill()
            child.join()
        os.close(ours)


def _command(words: list[str], home: Path, variables: dict[str, str], name: str) -> None:
    # A new session's first terminal is its own: Ctrl-C there is a signal to it.
    os.setsid()
    descriptor = os.open(name, os.O_RDWR)
    warm.become(words, home, variables, [descriptor] * 3)
