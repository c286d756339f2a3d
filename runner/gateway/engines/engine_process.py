"""An engine that runs: its process, its log, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from runner.gateway.engines import keeper

#: Characters of a log that are told, and lines of it.
TOLD, LINES = 4000, 20


class EngineProcess:
    """A child that ends when this process does, however that ends (:mod:`keeper`). It is started at once."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                # As a file by itself: it begins in no time, and holds no memory.
                [sys.executable, "-I", "-S", keeper.__file__, *command],
                stdin=subprocess.PIPE, stdout=file, stderr=subprocess.STDOUT, env=dict(environment),
                # What a terminal tells the server is not told to the engine: what runs has time to end.
                start_new_session=True,
            )  # fmt: skip

    def ended(self) -> int | None:
        """The code that it ended with; None while it runs."""
        return self._process.poll()

    async def ends_within(self, seconds: float) -> int | None:
        """The same, where it may be ending just now."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.ended() is None:
                    await asyncio.sleep(0.02)
        return self.ended()

    def tail(self) -> str:
        """The end of its log."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - TOLD))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return ""
        return "\n".join(text.strip().splitlines()[-LINES:])

    def end(self) -> None:
        """Have it end, and wait for that."""
        pipe = self._process.stdin
        if pipe is not None and not pipe.closed:
            with contextlib.suppress(OSError):
                pipe.close()
        try:
            self._process.wait(keeper.GRACE + 5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
