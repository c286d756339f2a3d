"""A window of a terminal with a program in it: what is on the screen, by a real pseudo-terminal and an emulator."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any, Self

import pexpect
import pyte

from tests.warm import inherited

#: What is not on the screen after this many seconds will not be.
DEADLINE = 240.0
UP, DOWN, ENTER, CTRL_C, CTRL_D, CLEAR = "\x1b[A", "\x1b[B", "\r", "\x03", "\x04", "\x15"


class Window:
    """``runner WORDS`` in a window. Nothing sleeps: whoever waits reads what comes, and looks at the screen."""

    def __init__(self, words: list[str], home: Path, *, columns: int = 100, lines: int = 60, **variables: str) -> None:
        kept = {name: value for name, value in inherited().items() if not name.startswith(("RUNNER_", "WANDB_"))}
        # As in an environment that is active: what is shown to be typed is `runner`.
        kept["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
        cache = os.environ.get("RUNNER_TEST_CACHE", str(home / "cache"))
        environment = (
            kept | {"TERM": "xterm-256color", "RUNNER_CACHE_DIR": cache, "HF_TOKEN": "hf_of_a_test"} | variables
        )
        environment = {name: value for name, value in environment.items() if value != "-"}
        environment.pop("COLUMNS", None)
        environment.pop("LINES", None)
        self.child: Any = pexpect.spawn(
            sys.executable,
            ["-m", "runner", *words],
            cwd=str(home),
            env=environment,
            dimensions=(lines, columns),
            encoding="utf-8",
            timeout=DEADLINE,
        )
        self.child.delaybeforesend = None
        self._screen: Any = pyte.HistoryScreen(columns, lines, history=5000)
        self._stream = pyte.Stream(self._screen)
        #: All that came, as it came.
        self.raw = ""
        self._seen = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.child.close(force=True)

    @property
    def shown(self) -> str:
        """What is on the screen, without the blanks at the ends."""
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    @property
    def last(self) -> str:
        """What stands on the screen from nine lines above the cursor on."""
        at = self._screen.cursor.y
        return "\n".join(line.rstrip() for line in self._screen.display[max(0, at - 9) :])

    def wait(self, text: str) -> Self:
        """Read until the text is on the screen."""
        end = time.monotonic() + DEADLINE
        while text not in self.shown:
            assert time.monotonic() < end, f"{text!r} is not on the screen:\n{self.shown}"
            assert self._read(), f"{text!r} was never on the screen:\n{self.shown}"
        return self

    def waits(self, text: str) -> Self:
        """Read until the text is near the cursor: what is asked now, and not what scrolled by."""
        end = time.monotonic() + DEADLINE
        while text not in self.last:
            assert time.monotonic() < end, f"{text!r} is not asked:\n{self.shown}"
            assert self._read(), f"{text!r} was never asked:\n{self.shown}"
        return self

    def comes(self, text: str) -> Self:
        """Read until the text came, behind what came before it was waited for last."""
        end = time.monotonic() + DEADLINE
        while (at := self.raw.find(text, self._seen)) < 0:
            assert time.monotonic() < end, f"{text!r} did not come:\n{self.raw[self._seen :]}"
            assert self._read(), f"{text!r} never came:\n{self.raw[self._seen :]}"
        self._seen = at + len(text)
        return self

    def settles(self) -> Self:
        """Read on until a prompt of plain lines stands at the end: nothing comes behind it before it is answered."""
        while not self.raw.endswith(("] ", "> ")):
            assert self._read(), self.raw
        self._seen = len(self.raw)
        return self

    def type(self, text: str = "") -> Self:
        """Type a line."""
        return self.press(text + ENTER)

    def press(self, keys: str) -> Self:
        self.child.send(keys)
        return self

    def paste(self, text: str) -> Self:
        """Paste as a terminal does that marks what is pasted."""
        return self.press(f"\x1b[200~{text}\x1b[201~")

    def end(self) -> int:
        """Read all there is; the exit code."""
        while self._read():
            pass
        self.child.close()
        return int(self.child.exitstatus if self.child.exitstatus is not None else -self.child.signalstatus)

    def hangs_up(self) -> int:
        """Close the terminal; the exit code, or the signal that ended the program, as a negative number."""
        # The system tells the program by SIGHUP, and nothing else does.
        terminal = self.child.ptyproc
        terminal.fileobj.close()
        code = terminal.wait()
        terminal.closed = True
        return int(code if code is not None else -terminal.signalstatus)

    def _read(self) -> bool:
        try:
            text = self.child.read_nonblocking(65536, timeout=DEADLINE)
        except (pexpect.EOF, pexpect.TIMEOUT):
            return False
        self.raw += text
        self._stream.feed(text)
        return True
