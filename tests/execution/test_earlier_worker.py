"""A run whose supervisor was killed, while its worker has not ended yet."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.errors import ConflictError
from runner.execution import worker
from runner.runs.run_folder import Run
from tests.conftest import Desk
from tests.examples import example, files
from tests.holding import held_copy, wait
from tests.warm import Copy

WAITING = "waits for it to save a checkpoint and end"
#: What the state of a run says once it is over.
ENDED = ("exit_code", "model", "stored_at", "ended")


@pytest.fixture
def left(desk: Desk) -> Iterator[tuple[Path, int]]:
    """A run without a supervisor, and its worker, which has trained, has not said so yet, and is halted."""
    spec = desk.write("spec.json", example("elo_scoring", epochs=3))
    process, run = held_copy(desk, "train", "--spec-file", spec, "--executor", "local", at="metrics:1")
    pid = json.loads((run / "state.json").read_text())["worker"]["pid"]
    os.kill(pid, signal.SIGSTOP)
    process.kill()
    yield run, pid
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def resumed(desk: Desk, pid: int, *words: object) -> Copy:
    """What resumes the run, once it has said that it waits for the worker."""
    process = desk.start_copy("train", "--resume", "last", "--json", *words)
    assert isinstance(process, Copy)

    def waits() -> bool:
        said = process.err.read_text() if process.err.exists() else ""
        return f"process {pid}" in said and WAITING in said

    wait(waits, process)
    return process


def test_it_is_waited_for_and_what_it_has_trained_is_stored(desk, left, make_desk):
    run, pid = left
    process = resumed(desk, pid)
    os.kill(pid, signal.SIGCONT)
    assert process.wait(300) == 0, process.err.read_text()
    events = [json.loads(line)["event"] for line in (run / "events.jsonl").read_text().splitlines()]
    assert events.count("started") == 1, "it was trained again"
    other = make_desk()
    whole = other("train", "--spec-file", desk.home / "spec.json", "--executor", "local", "--json").ok()
    made = json.loads(process.out.read_text())
    assert made["metrics"] == whole.json["metrics"]
    assert files(desk, made) == files(other, whole.json)


def test_who_waits_for_it_can_be_stopped(desk, left):
    run, pid = left
    process = resumed(desk, pid)
    process.send_signal(signal.SIGINT)
    assert process.wait(300) == 130
    assert f"runner train --resume {run.name}" in process.out.read_text()
    assert json.loads((run / "state.json").read_text())["state"] == "interrupted"


def test_what_it_has_trained_is_not_what_another_spec_asks_for(desk, left):
    run, pid = left
    longer = desk.write("longer.json", example("elo_scoring", epochs=5))
    process = resumed(desk, pid, "--spec-file", longer, "--executor", "local")
    os.kill(pid, signal.SIGCONT)
    assert process.wait(300) == 0, process.err.read_text()
    told = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    assert max(event["epoch"] for event in told if event["event"] == "epoch") == 5


def test_a_run_that_was_killed_once_its_model_was_stored_is_ended_as_it_began(desk):
    """Its supervisor had no time to write down that it has succeeded."""
    spec = desk.write("spec.json", example("elo_scoring", epochs=3))
    done = desk("train", "--spec-file", spec, "--executor", "local", "--json").ok().json
    state = desk.only_run() / "state.json"
    left = json.loads(state.read_text()) | {"state": "running"}
    state.write_text(json.dumps({name: value for name, value in left.items() if name not in ENDED}))
    longer = desk.write("longer.json", example("elo_scoring", epochs=5))
    refused = desk("train", "--resume", "last", "--spec-file", longer, "--executor", "local")
    assert (refused.code, f"the run's model is stored: {done['model']}" in refused.err) == (5, True)
    again = desk("train", "--resume", "last", "--json").ok().json
    assert (again["model"], again["metrics"]) == (done["model"], done["metrics"])
    assert json.loads(state.read_text())["state"] == "succeeded"


def test_a_second_worker_is_told_that_there_is_one(left, monkeypatch):
    run, _ = left
    monkeypatch.setattr(worker, "PATIENCE", 0)
    with pytest.raises(ConflictError, match="another worker is still at the run"), worker.only_worker(Run(run)):
        pass
