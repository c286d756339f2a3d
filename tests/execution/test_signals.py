"""Signals of a shell, of ``nohup`` and of a terminal that goes away."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Desk
from tests.examples import example
from tests.holding import held_copy, wait_for_checkpoint


def start(desk: Desk, epochs: int, ignored: str = "", **streams: int) -> tuple[subprocess.Popen[bytes], Path, int]:
    """A run with a checkpoint, its directory, and its worker; ``ignored`` are signals that it was started without."""
    spec = desk.write("spec.json", example("elo_scoring", epochs=epochs))
    words = desk.command("train", "--spec-file", spec, "--executor", "local")
    where = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | streams
    trap = f'trap "" {ignored}; ' if ignored else ""
    process = subprocess.Popen(
        ["bash", "-c", f'{trap}exec "$@"', "-", *words],
        cwd=desk.home,
        env=desk.variables,
        start_new_session=True,
        **where,
    )
    run = wait_for_checkpoint(desk, process)
    return process, run, json.loads((run / "state.json").read_text())["worker"]["pid"]


@pytest.mark.slow
def test_a_signal_that_was_ignored_from_the_start_stays_ignored(desk: Desk) -> None:
    process, run, worker = start(desk, 300, ignored="HUP INT TERM")
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        process.send_signal(number)
        os.kill(worker, number)
    assert process.wait(300) == 0
    assert json.loads((run / "state.json").read_text())["state"] == "succeeded"


@pytest.mark.slow
def test_ctrl_c_stops_a_run_that_ignores_sigterm(desk: Desk) -> None:
    process, _, _ = start(desk, 100_000, ignored="TERM")
    process.send_signal(signal.SIGINT)
    assert process.wait(300) == 130


@pytest.mark.slow
@pytest.mark.warm
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_to_the_worker_alone_stops_it_with_a_checkpoint(desk: Desk, number: int) -> None:
    spec = desk.write("spec.json", example("elo_scoring", epochs=4))
    process, run = held_copy(desk, "train", "--spec-file", spec, "--executor", "local")
    os.kill(json.loads((run / "state.json").read_text())["worker"]["pid"], number)
    assert process.wait(300) == 75
    assert json.loads((run / "state.json").read_text())["state"] == "interrupted"


@pytest.mark.slow
def test_a_terminal_that_is_lost_stops_the_run_with_a_checkpoint(desk: Desk) -> None:
    spec = desk.write("spec.json", example("elo_scoring", epochs=100_000))
    words = desk.command("train", "--spec-file", spec, "--executor", "local")
    ours, theirs = pty.openpty()
    # The program of a terminal's session gets SIGHUP when the terminal goes away.
    lead = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
    process = subprocess.Popen(
        [sys.executable, "-c", lead, *words],
        cwd=desk.home,
        env=desk.variables | {"TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    run = wait_for_checkpoint(desk, process)
    os.close(ours)
    assert process.wait(300) == 75
    state = json.loads((run / "state.json").read_text())
    assert (state["state"], state["exit_code"]) == ("interrupted", 75)
    assert json.loads((run / "outcome.json").read_text())["error"]["error"] == "stopped"


@pytest.mark.slow
def test_a_reader_of_progress_who_goes_away_does_not_stop_the_run(desk: Desk) -> None:
    reading, writing = os.pipe()
    process, run, _ = start(desk, 300, stdout=writing, stderr=writing)
    os.close(writing)
    os.close(reading)
    assert process.wait(300) == 0
    assert json.loads((run / "state.json").read_text())["state"] == "succeeded"
