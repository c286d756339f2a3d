"""TensorBoard: what is written is read by TensorBoard's own reader, and a server is the run's own, to its end."""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest

from runner.errors import ConflictError, NotFoundError, SpecError
from runner.runs.event_kinds import read_event
from runner.runs.run_folder import Run
from runner.spec.checking import load_object
from runner.tracking import tensorboard_server
from runner.tracking.tensorboard_listener import FOLDER, TensorboardListener, write_all, written
from tests.examples import example
from tests.holding import held_run, wait

TOLD: list[dict[str, Any]] = [
    {"event": "started", "model_type": "sft", "t": 1000.0},
    {"event": "step", "step": 1, "steps": 4, "metrics": {"train_loss": 4.0}, "pace": {"peak_memory": 1e6}, "t": 1001.0},
    {"event": "step", "step": 2, "steps": 4, "metrics": {"train_loss": 2.5, "odd": None}, "t": 1002.0},
    {"event": "stage_epoch", "stage": "encoder", "epoch": 3, "metrics": {"loss": 0.5}, "t": 1003.0},
    {"event": "warning", "message": "it is warm", "pointer": "/run", "t": 1004.0},
    {
        "event": "epoch", "epoch": 1, "step": 4, "metrics": {"loss": 2.0}, "diagnostics": {"gradient_norm": 0.25},
        "t": 1005.0,
    },
    {"event": "metrics", "metrics": {"loss": 2.0, "of_another": "text"}, "t": 1006.0},
]  # fmt: skip


def read(run: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(run / FOLDER), size_guidance={"tensors": 0})
    found.Reload()
    return found


def scalars(found: Any, tag: str) -> list[tuple[int, float, float]]:
    from tensorboard.util import tensor_util

    return [
        (each.step, float(tensor_util.make_ndarray(each.tensor_proto)), each.wall_time) for each in found.Tensors(tag)
    ]


def test_every_figure_of_a_run_is_where_tensorboard_looks_for_it(tmp_path):
    listener = TensorboardListener(tmp_path, {"model": {"name": "m"}})
    for event in TOLD:
        listener.handle(read_event(event))
    listener.close()
    found = read(tmp_path)
    assert scalars(found, "train_loss") == [(1, 4.0, 1001.0), (2, 2.5, 1002.0)]
    assert scalars(found, "loss") == [(4, 2.0, 1005.0)]
    assert scalars(found, "pace/peak_memory") == [(1, 1e6, 1001.0)]
    assert scalars(found, "diagnostics/gradient_norm") == [(4, 0.25, 1005.0)]
    assert scalars(found, "encoder/loss") == [(3, 0.5, 1003.0)]
    assert scalars(found, "final/loss") == [(4, 2.0, 1006.0)]
    tags = set(found.Tags()["tensors"])
    assert {"spec/text_summary", "warnings/text_summary"} <= tags or {"spec", "warnings"} <= tags
    assert not {"odd", "final/of_another"} & tags


def test_a_run_that_wrote_nothing_is_written_from_its_record(tmp_path):
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in TOLD))
    assert not written(tmp_path)
    write_all(tmp_path, None)
    assert written(tmp_path)
    assert [step for step, *_ in scalars(read(tmp_path), "train_loss")] == [1, 2]


def test_nothing_is_kept_that_is_not_served():
    document = example("elo_scoring") | {"tensorboard": {"keep": True}}
    with pytest.raises(SpecError) as refused:
        load_object(document)
    assert refused.value.faults[0].pointer == "/tensorboard/keep"


def test_a_server_that_is_none_cannot_be_stopped(tmp_path):
    run = Run.create(tmp_path, "x", {})
    with pytest.raises(NotFoundError):
        tensorboard_server.stop(run.path)


def test_another_process_of_the_same_number_is_left_alone(tmp_path):
    """The number of a server that is gone may be anybody's by now: this test's, here."""
    run = Run.create(tmp_path, "x", {})
    run.write("tensorboard", tensorboard_server.Shown(url="http://127.0.0.1:1/", pid=os.getpid(), began=1.0, kept=True))
    with pytest.raises(NotFoundError):
        tensorboard_server.stop(run.path)
    assert not (run.path / "tensorboard.json").exists()


@pytest.mark.slow
def test_a_server_answers_on_this_machine_alone_and_ends_by_its_own_number(tmp_path):
    run = Run.create(tmp_path, "x", {})
    (run.path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in TOLD))
    write_all(run.path, None)
    server = tensorboard_server.start(run.path, keep=True)
    try:
        assert server.shown.url.startswith("http://127.0.0.1:") or server.shown.url.startswith("http://localhost:")
        listening = {
            each.laddr.ip for each in psutil.Process(server.shown.pid).net_connections() if each.status == "LISTEN"
        }
        assert listening == {"127.0.0.1"}
        with urllib.request.urlopen(f"{server.shown.url}data/plugins_listing", timeout=60) as answer:
            assert json.load(answer)["scalars"]["enabled"]
        with pytest.raises(ConflictError):
            tensorboard_server.start(run.path, keep=True)
    finally:
        tensorboard_server.stop(run.path)
    server.process.wait(300)
    assert not psutil.pid_exists(server.shown.pid)
    assert tensorboard_server.shown(run.path) is None


@pytest.mark.slow
def test_a_training_writes_and_shows_and_its_server_ends_with_it(desk):
    document = example("dense_network") | {"tensorboard": {"serve": True}, "run": {"executor": "local"}}
    process, run = held_run(desk, "train", "--spec-file", desk.write("spec.json", document))
    wait((run / "tensorboard.json").exists, process)
    shown = json.loads((run / "tensorboard.json").read_text())
    assert psutil.pid_exists(shown["pid"]) and not shown["kept"]
    # Killed at once, with no chance to end anything: the lease is a pipe, and that closes by itself.
    process.send_signal(signal.SIGKILL)
    process.wait(300)
    psutil.wait_procs([psutil.Process(shown["pid"])] if psutil.pid_exists(shown["pid"]) else [], timeout=300)
    assert not psutil.pid_exists(shown["pid"])
    done = desk("train", "--resume", "last").ok()
    (told,) = [line for line in done.err.splitlines() if line.startswith("TensorBoard: ")]
    assert "ends with the run" in told
    assert not (run / "tensorboard.json").exists()
    assert scalars(read(run), "final/accuracy")


@pytest.mark.slow
def test_one_that_is_kept_outlives_the_run_and_is_stopped_by_a_command(desk):
    document = example("elo_scoring") | {"tensorboard": {"serve": True, "keep": True}, "run": {"executor": "local"}}
    done = desk("train", "--spec-file", desk.write("spec.json", document)).ok()
    (told,) = [line for line in done.err.splitlines() if line.startswith("TensorBoard: ")]
    assert "--stop" in told
    again = desk("runs", "tensorboard", "last", "--json").ok().json
    try:
        assert again["url"] in told and psutil.pid_exists(again["pid"])
    finally:
        assert desk("runs", "tensorboard", "last", "--stop", "--json").ok().json["pid"] == again["pid"]
    assert not psutil.pid_exists(again["pid"]) or psutil.Process(again["pid"]).status() == psutil.STATUS_ZOMBIE
    assert desk("runs", "tensorboard", "last", "--stop").code == 5
    assert desk("runs", "tensorboard", "nothing").code == 5
