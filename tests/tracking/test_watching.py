"""Watching a run: what is drawn of it at any width, what is printed where nothing can be drawn, and leaving it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyte
import pytest
from rich.console import Console

from runner.tracking.braille import curve
from runner.tracking.watch_view import WatchView
from runner.tracking.watched_machine import Taken
from runner.tracking.watched_run import Watched
from tests.cli.terminals import CTRL_C, at_a_terminal
from tests.examples import example
from tests.holding import held_copy

BEGAN = 1_700_000_000.0


def told(steps: int = 60, of: int = 100) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = [
        {"t": BEGAN, "event": "started", "model_type": "sft", "name": "tutor", "device": "cpu", "seed": 42, "pid": 1}
    ]
    for step in range(1, steps + 1):
        metrics = {"train_loss": 4.0 / step, "learning_rate": 1e-4}
        pace = {"tokens_per_second": 1234.0, "peak_memory": 64 * 2**20}
        events.append(
            {"t": BEGAN + step, "event": "step", "step": step, "steps": of, "metrics": metrics, "pace": pace}
            | {"tokens": 100 * step}
        )
    return [*events, {"t": BEGAN + steps, "event": "warning", "message": "it is \x1b[31mwarm", "pointer": "/run"}]


def written(folder: Path, events: list[dict[str, Any]], log: str = "") -> Watched:
    folder.mkdir(exist_ok=True)
    (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    (folder / "log.txt").write_text(log)
    watched = Watched(folder)
    watched.look()
    return watched


def drawn(watched: Watched, width: int, height: int) -> list[str]:
    """The lines of a terminal on which the picture is."""
    view = WatchView(watched, "20260101-run", "sft/tutor")
    with open("/dev/null", "w") as nowhere:
        console = Console(file=nowhere, width=width, height=height, force_terminal=True, record=True)
        console.print(view, height=height)
        text = console.export_text(styles=True)
    screen = pyte.Screen(width, height + 10)
    pyte.Stream(screen).feed(text.replace("\n", "\r\n"))
    return [line.rstrip() for line in screen.display]


def test_a_curve_goes_from_its_greatest_on_top_to_its_least_at_the_bottom():
    falling = curve([4.0, 3.0, 2.0, 1.0], 4, 2)
    assert [len(line) for line in falling] == [4, 4]
    # The first dot of the first line and the last of the last one.
    assert ord(falling[0][0]) & 0x01 and ord(falling[1][3]) & 0x80
    assert curve([1.0, 2.0, 3.0, 4.0], 4, 2) == [line[::-1].translate(MIRRORED) for line in falling]
    assert curve([], 3, 2) == ["\u2800" * 3] * 2
    (level,) = curve([2.0] * 9, 3, 1)
    assert len(set(level)) == 1 and level[0] != "\u2800"
    # Far more values than there is room for.
    assert [len(line) for line in curve([float(at) for at in range(10_000)], 5, 3)] == [5, 5, 5]


#: A braille character and the one whose dots are the same seen from behind.
MIRRORED = {
    0x2800 + dots: 0x2800
    + sum(to for of, to in ((1, 8), (2, 16), (4, 32), (8, 1), (16, 2), (32, 4), (64, 128), (128, 64)) if dots & of)
    for dots in range(256)
}


@pytest.mark.parametrize(("width", "height"), [(24, 8), (60, 24), (80, 24), (140, 40), (220, 60)])
def test_the_picture_is_no_wider_and_no_higher_than_the_terminal(tmp_path, width, height):
    lines = drawn(written(tmp_path, told(), "a \x1b[2Jline\n" * 80), width, height)
    assert not any(lines[height:])
    assert all("\x1b" not in line for line in lines)
    assert lines[0].startswith("running")
    assert "q leaves" in lines[height - 1]


def test_the_picture_has_curves_rates_progress_the_end_and_the_log(tmp_path):
    text = "\n".join(drawn(written(tmp_path, told(), "first\nthe last line\n"), 120, 40))
    for said in (
        "sft/tutor",
        "step 60/100",
        "60 %",
        "left, at ",
        "tokens/s 1,234",
        "peak memory 64 MiB",
        "tokens 6,000",
    ):
        assert said in text
    assert "train_loss 0.0667" in text and "learning_rate" in text and "the last line" in text


def test_the_rest_is_told_at_the_pace_so_far_and_nothing_of_a_run_that_ended(tmp_path):
    watched = written(tmp_path, told(50, 100))
    assert watched.left(now=BEGAN + 50) == pytest.approx(50.0)
    assert watched.left(now=BEGAN + 60) == pytest.approx(40.0)
    ended = written(tmp_path, [*told(100, 100), {"t": BEGAN + 101, "event": "finished"}])
    assert ended.left() is None


def test_only_what_is_new_is_read_and_a_resumed_run_tells_again_from_its_checkpoint(tmp_path):
    watched = written(tmp_path, told(10))
    assert watched.look() == []
    with (tmp_path / "events.jsonl").open("a") as file:
        for step in (8, 9):
            event = {"t": BEGAN + 90, "event": "step", "step": step, "steps": 100, "metrics": {"train_loss": 7.0}}
            file.write(json.dumps(event) + "\n")
    assert len(watched.look()) == 2
    assert [step for step, _ in watched.curves["train_loss"]] == [float(at) for at in range(1, 10)]
    assert watched.curves["train_loss"][-2:] == [(8.0, 7.0), (9.0, 7.0)]


def test_a_run_that_tells_of_epochs_alone_is_drawn_over_them(tmp_path):
    epochs = [
        {"t": BEGAN + at, "event": "epoch", "epoch": at, "epochs": 4, "metrics": {"accuracy": at / 4}}
        for at in (1, 2, 3)
    ]
    watched = written(tmp_path, [{"t": BEGAN, "event": "started", "model_type": "elo_scoring"}, *epochs])
    assert watched.position == "epoch 3/4" and watched.curves["accuracy"] == [(1.0, 0.25), (2.0, 0.5), (3.0, 0.75)]


def test_what_a_worker_takes_is_of_its_own_process_and_nothing_of_one_that_is_gone():
    import os

    assert Taken().look(os.getpid(), "cpu").keys() == {"memory", "CPU"}
    assert Taken().look(2**22 + 1, "cpu") == {}


@pytest.fixture
def over(desk):
    """A run that is over, copied to another place: its path is all that is known of it."""
    desk("train", "--executor", "local", stdin=json.dumps(example("elo_scoring"))).ok()
    (run,) = (desk.home / "runs").iterdir()
    return Path(shutil.copytree(run, desk.home / "elsewhere"))


@pytest.mark.slow
@pytest.mark.warm
def test_where_nothing_can_be_drawn_every_event_is_a_line_and_json_is_one_document(desk, over):
    lines = desk("runs", "watch", "./elsewhere").ok().out.splitlines()
    events = (over / "events.jsonl").read_text().splitlines()
    assert len(lines) == len(events) + 1 and lines[-1] == "succeeded"
    document = desk("runs", "watch", "last", "--json").ok().json
    assert document["state"] == "succeeded" and document["curves"] and document["events"] == len(events)
    assert desk("runs", "watch", "nobody").code == 5


@pytest.mark.slow
@pytest.mark.warm
@pytest.mark.parametrize("leaving", [b"q", CTRL_C])
def test_who_leaves_at_a_terminal_leaves_the_run_alone(desk, leaving):
    spec = desk.write("spec.json", example("elo_scoring", epochs=4))
    process, run = held_copy(desk, "train", "--spec-file", spec, "--executor", "local")
    with at_a_terminal(["runs", "watch", run.name], desk.home, desk.variables | {"TERM": "xterm"}) as terminal:
        terminal.wait_for("q leaves")
        terminal.wait_for("the run goes on: runner runs watch", key=leaving)
        assert terminal.end() == 0
    assert process.poll() is None
    assert json.loads((run / "state.json").read_text())["state"] == "running"
    assert desk("runs", "stop", run.name, "--json").ok().json["state"] == "interrupted"
    assert process.wait(300) == 75


@pytest.mark.slow
@pytest.mark.warm
def test_at_a_terminal_a_run_that_is_over_is_drawn_as_it_ended(desk, over):
    with at_a_terminal(["runs", "watch", "last"], desk.home, desk.variables | {"TERM": "xterm"}) as terminal:
        terminal.wait_for("succeeded")
        terminal.wait_for("finished")
        assert terminal.end() == 0
