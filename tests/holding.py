"""Processes that wait at a named event of theirs, so that what a test does to them happens there."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from runner.runs.event_hold import AT, FILE
from tests.conftest import Desk
from tests.warm import Copy

#: A command that has not come to its event after this hangs.
DEADLINE = 300.0


def held(desk: Desk, *words: object, at: str = "epoch:2", **options: Any) -> subprocess.Popen[bytes]:
    """Start ``runner`` and return when it waits at an event: ``epoch:2`` is the second event ``epoch``.

    The checkpoint of the first epoch is there then. It goes on at the first signal that asks it to stop, or when
    :func:`go_on` is called.
    """
    file = mark(desk.home)
    file.unlink(missing_ok=True)
    waiting = replace(desk, environment=desk.environment | variables(desk.home, at))
    process = waiting.start(*words, **options)
    wait(file.exists, process)
    return process


def variables(home: Path, at: str) -> dict[str, str]:
    """What has a command that is started otherwise wait."""
    return {AT: at, FILE: str(mark(home))}


def mark(home: Path) -> Path:
    """The file that is there while a command of this folder waits."""
    return home / "held"


def go_on(desk: Desk) -> None:
    """Let it go on to its end."""
    mark(desk.home).unlink()


def held_copy(desk: Desk, *words: object, at: str = "epoch:2") -> tuple[subprocess.Popen[bytes] | Copy, Path]:
    """A training that waits, begun as a call of the desk begins it, and its run's directory."""
    file = mark(desk.home)
    file.unlink(missing_ok=True)
    process = replace(desk, environment=desk.environment | variables(desk.home, at)).start_copy(*words)
    wait(file.exists, process)
    return process, _newest_run(desk)


def held_run(desk: Desk, *words: object, at: str = "epoch:2", **options: Any) -> tuple[subprocess.Popen[bytes], Path]:
    """A training that waits, and its run's directory."""
    process = held(desk, *words, at=at, **({"stderr": subprocess.DEVNULL} | options))
    return process, _newest_run(desk)


def _newest_run(desk: Desk) -> Path:
    return max((desk.home / "runs").iterdir(), key=lambda path: path.stat().st_mtime)


def wait(condition: Callable[[], Any], process: subprocess.Popen[bytes] | Copy | None = None) -> Any:
    """What a condition gives, once it gives something. A process that has to live until then is watched."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if found := condition():
            return found
        assert process is None or process.poll() is None, "it ended before that"
        time.sleep(0.01)
    raise AssertionError("it did not happen")


def wait_for_checkpoint(desk: Desk, process: subprocess.Popen[bytes]) -> Path:
    """The run's directory, once a checkpoint of a finished epoch is in it: for a container, which waits at nothing."""

    def found() -> Path | None:
        for events in (desk.home / "runs").glob("*/events.jsonl"):
            # A stage before the epochs of the run has checkpoints too.
            if '"event": "checkpoint"' in events.read_text().partition('"event": "epoch"')[2]:
                return events.parent
        return None

    return wait(found, process)


def reached(run: Path) -> int:
    """The last epoch that a run finished."""
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines() if '"epoch"' in line]
    return max(event["epoch"] for event in events if event["event"] == "epoch")
