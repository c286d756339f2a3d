"""A script that is run and watched for a while; then it goes on by itself, or is stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runner.errors import EnvironmentProblem, ExitCode

#: Seconds that a person waits before being asked, and seconds between two looks.
WATCHED, LOOK = 120.0, 0.2


@dataclass
class WatchedScript:
    """One run of a script, whose words go to a file."""

    path: Path
    log: Path
    process: subprocess.Popen[bytes]
    _at: int = 0

    @classmethod
    def start(cls, path: Path, folder: Path) -> WatchedScript:
        """Start it with this Python, in ``folder``. It lives on where this process ends."""
        log = path.with_suffix(".log")
        try:
            with log.open("wb") as file:
                process = subprocess.Popen(
                    [sys.executable, str(path)],
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    env=os.environ | {"PYTHONUNBUFFERED": "1"},
                    start_new_session=True,
                )
        except OSError as error:
            raise EnvironmentProblem(f"cannot be started: {error.strerror or error}", where=str(path)) from error
        return cls(path, log, process)

    def watch(self, say: Callable[[str], None], seconds: float = WATCHED) -> int | None:
        """Say every line as it comes; the exit code, or None where it still runs after so many seconds."""
        end = time.monotonic() + seconds
        while True:
            try:
                code: int | None = self.process.wait(min(LOOK, max(0.0, end - time.monotonic())))
            except subprocess.TimeoutExpired:
                code = None
            for line in self._new_lines(last=code is not None):
                say(line)
            if code is not None or time.monotonic() >= end:
                return code

    def _new_lines(self, last: bool) -> list[str]:
        with self.log.open("rb") as file:
            file.seek(self._at)
            found = file.read()
        whole = len(found) if last else found.rfind(b"\n") + 1
        self._at += whole
        return found[:whole].decode("utf-8", "replace").splitlines()

    def stop(self, seconds: float = 60.0) -> int:
        """Ask it to end as Ctrl-C does, with a checkpoint; kill it where it does not. Its exit code."""
        self._signal(signal.SIGINT)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            return self.process.wait()

    def _signal(self, number: int) -> None:
        try:
            os.kill(self.process.pid, number)
        except ProcessLookupError:
            return

    def end_text(self, code: int) -> list[str]:
        """What to say of its end, and what to do where it failed."""
        if code == 0:
            return [f"trained; the log is {self.log}"]
        if code == ExitCode.INTERRUPTED:
            return ["stopped, with a checkpoint if it had one: runner train --resume last goes on from there"]
        told = [f"it ended with code {code}; the log is {self.log}"]
        if code == ExitCode.KILLED or "out of memory" in self.log.read_text("utf-8", "replace")[-4000:]:
            told.append(
                'where memory was short: a smaller max_length, "batch_size": "auto", the method qlora, or a smaller '
                "base model; runner train --dry-run --spec-file SPEC tells what is needed"
            )
        return told
