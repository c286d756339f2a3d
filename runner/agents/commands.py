"""Runner's own commands as processes: what trains, answers or loads a model is never done in the server itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio

from runner.agents.tool_results import Refused
from runner.errors import ExitCode

#: What a training says first, on standard error.
BEGUN = re.compile(r"^run (\S+): ", re.M)
#: Seconds between two looks at a training that has not said its run yet.
TICK = 0.1


async def run(words: Sequence[str], folder: Path, given: bytes = b"") -> Any:
    """The document that ``runner WORDS --json`` prints. A client that goes away ends it.

    Raises :class:`Refused` with the error's document.
    """
    command = [sys.executable, "-m", "runner", *words, "--json"]
    done = await anyio.run_process(command, input=given, cwd=folder, check=False)
    return read(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))


async def work(job: dict[str, Any], folder: Path) -> Any:
    """The document that :mod:`runner.agents.inference_process` makes of a question."""
    command = [sys.executable, "-m", "runner.agents.inference_process"]
    done = await anyio.run_process(command, input=json.dumps(job).encode(), cwd=folder, check=False)
    return read(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))


async def begin(words: Sequence[str], folder: Path, given: bytes) -> tuple[str, int]:
    """Begin a training that goes on whatever becomes of the server; its run's id, and its process.

    Raises :class:`Refused` with the error's document where it ended before there was a run.
    """
    with (
        tempfile.TemporaryFile() as spec,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as said,
    ):
        spec.write(given)
        spec.seek(0)
        process = subprocess.Popen(
            [sys.executable, "-m", "runner", *words, "--json"],
            cwd=folder,
            stdin=spec,
            stdout=out,
            stderr=said,
            # Not of the server's session: what ends that does not end a training.
            start_new_session=True,
        )
        while True:
            code = process.poll()
            found = BEGUN.search(_all(said))
            if found is not None:
                return found[1], process.pid
            if code is not None:
                raise Refused(_refusal(code, _all(out), _all(said)))
            await anyio.sleep(TICK)


def read(code: int, out: str, said: str) -> Any:
    """What a command printed. Raises :class:`Refused` where it says that it failed."""
    try:
        document = json.loads(out)
    except ValueError:
        raise Refused(_refusal(code, out, said)) from None
    if code and isinstance(document, dict) and "error" in document:
        raise Refused(document)
    return document


def _refusal(code: int, out: str, said: str) -> dict[str, Any]:
    try:
        document = json.loads(out)
        if isinstance(document, dict) and "error" in document:
            return document
    except ValueError:
        pass
    return {
        "error": "internal" if code == ExitCode.BUG else "run",
        "exit_code": code,
        "message": said.strip()[-2000:] or f"the command ended with {code}",
        "hint": None,
    }


def _all(file: Any) -> str:
    # Read where it is written, without moving the writer's place, which is the file's.
    return os.pread(file.fileno(), 1 << 20, 0).decode("utf-8", "replace")


def reap(pids: list[int]) -> None:
    """Take notice of trainings that have ended, so that none is left as a dead process."""
    for pid in list(pids):
        try:
            ended, _ = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            ended = pid
        if ended:
            pids.remove(pid)
