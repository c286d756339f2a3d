"""Following a run on W&B, against a server that speaks the SDK's own calls."""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.runs.event_kinds import Event
from runner.tracking.wandb_key import find_key
from runner.tracking.wandb_listener import WandbListener
from runner.tracking.wandb_metrics import PROGRESS_INTERVAL, Rows, scalars
from runner.tracking.wandb_run import identity
from tests.tracking.wandb_cases import (
    KEY,
    SECTION,
    SPEC,
    clean_environment,
    disguises,
    epoch,
    epochs_of,
    event,
    files_with,
)
from tests.tracking.wandb_server import WandbServer


@pytest.fixture(autouse=True)
def environment(tmp_path: Path) -> Iterator[None]:
    with clean_environment(tmp_path / "home"):
        yield


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[WandbServer]:
    with WandbServer(KEY) as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        yield server
        assert server.faults == []


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "20260101-000000-x-abcd"
    folder.mkdir(parents=True)
    return folder


class Warnings(list[dict[str, Any]]):
    """Takes the events that a listener emits."""

    def __call__(self, kind: str, **fields: Any) -> None:
        assert kind == "warning"
        self.append(fields)


def listen(run_dir: Path, key: str | None = KEY) -> tuple[WandbListener, Warnings]:
    warnings = Warnings()
    return WandbListener(SECTION, run_dir, SPEC, key, warnings), warnings


def run_id(run_dir: Path) -> str:
    return str(json.loads((run_dir / "wandb.json").read_text())["run_id"])


@pytest.mark.slow
@pytest.mark.warm
def test_metrics_arrive_while_the_run_trains(server: WandbServer, run_dir: Path) -> None:
    listener, warnings = listen(run_dir)
    assert listener.online, warnings
    listener.handle(event("started", model_type="dense_network", name="x", device="cpu", seed=7, pid=1))
    listener.handle(event("data", record={"rows": 100, "kept": 90}))
    listener.handle(epoch(1))
    # The server has epoch 1 before the listener hears of any other.
    rows = server.wait_for(lambda: server.history(run_id(run_dir)))
    assert [(row["epoch"], row["train_loss"]) for row in rows] == [(1, 1)]
    listener.handle(epoch(2))
    assert server.wait_for(lambda: len(server.history(run_id(run_dir))) == 2)
    inside = {"gradient_norm/llm": 0.25, "score_variance/llms": None}
    listener.handle(event("epoch", epoch=3, epochs=5, metrics={"train_loss": 1 / 3}, diagnostics=inside))
    listener.handle(event("metrics", metrics={"accuracy": 0.75, "log_loss": None}))
    listener.close(0)
    assert warnings == []
    run = server.runs[run_id(run_dir)]
    assert epochs_of(server, run["name"]) == [1, 2, 3]
    last = server.history(run["name"])[-1]
    assert {name: last[name] for name in last if "diagnostics" in name} == {"diagnostics/gradient_norm/llm": 0.25}
    assert (run["displayName"], run["groupName"], run["project"]) == ("dense/wide", "dense", "routing")
    config = {name: entry["value"] for name, entry in json.loads(run["config"]).items()}
    assert config["model"] == SPEC["model"]
    assert config["data_record"] == {"rows": 100, "kept": 90}
    assert config["started"]["seed"] == 7
    assert (run["summary"]["accuracy"], run["summary"]["best_epoch"], run["exitcode"]) == (0.75, 2, 0)


@pytest.mark.slow
def test_nothing_of_the_machine_is_sent(server: WandbServer, run_dir: Path, tmp_path: Path) -> None:
    import getpass
    import socket

    listener, _ = listen(run_dir)
    listener.handle(epoch(1))
    listener.close(0)
    assert server.runs[run_id(run_dir)]["exitcode"] == 0
    sent = b"\n".join(request.body for request in server.requests)
    assert b"train_loss" in sent
    for private in (str(tmp_path), str(Path.cwd()), socket.gethostname()):
        assert private.encode() not in sent
    assert f'"{getpass.getuser()}"'.encode() not in sent
    assert not server.operations("CreateArtifact")


@pytest.mark.slow
@pytest.mark.warm
def test_a_resumed_run_goes_on_where_it_stopped(server: WandbServer, run_dir: Path) -> None:
    listener, _ = listen(run_dir)
    for number in (1, 2, 3):
        listener.handle(epoch(number))
    listener.close(75)
    assert server.runs[run_id(run_dir)]["exitcode"] == 75
    again, warnings = listen(run_dir)
    # The checkpoint was older than what W&B had already seen.
    for number in (3, 4, 5):
        again.handle(epoch(number))
    again.close(0)
    assert warnings == []
    assert len(server.runs) == 1
    assert epochs_of(server, run_id(run_dir)) == [1, 2, 3, 4, 5]
    assert server.runs[run_id(run_dir)]["exitcode"] == 0


@pytest.mark.slow
@pytest.mark.warm
def test_without_a_key_the_run_is_kept_and_the_way_out_is_told(server: WandbServer, run_dir: Path) -> None:
    listener, warnings = listen(run_dir, key=None)
    listener.handle(epoch(1))
    listener.close(0)
    assert not listener.online
    (warning,) = warnings
    assert warning["pointer"] == "/wandb"
    assert "runner artifacts push" in warning["message"]
    (folder,) = (run_dir / "wandb").glob("offline-run-*")
    assert f"wandb sync {folder}" in warning["message"]
    assert (folder / f"run-{run_id(run_dir)}.wandb").stat().st_size > 0
    assert server.requests == []


@pytest.mark.parametrize(("mode", "kept"), [("offline", True), ("disabled", False)])
def test_the_mode_that_was_asked_for(
    server: WandbServer, run_dir: Path, monkeypatch: pytest.MonkeyPatch, mode: str, kept: bool
) -> None:
    monkeypatch.setenv("WANDB_MODE", mode)
    listener, warnings = listen(run_dir)
    listener.handle(epoch(1))
    listener.close(0)
    assert (run_dir / "wandb").exists() is kept
    assert len(warnings) == (1 if kept else 0)
    assert server.requests == []


def test_a_refused_key_leaves_an_offline_run(server: WandbServer, run_dir: Path, tmp_path: Path) -> None:
    wrong = KEY[::-1]
    listener, warnings = listen(run_dir, key=wrong)
    listener.handle(epoch(1))
    listener.close(0)
    (warning,) = warnings
    assert not listener.online
    assert "401" in warning["message"] and wrong not in warning["message"]
    assert list((run_dir / "wandb").glob("offline-run-*/*.wandb"))
    assert files_with(wrong, tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("how", [500, "drop", 120.0])
def test_a_server_that_does_not_answer_stops_nothing(
    server: WandbServer, run_dir: Path, how: int | str | float
) -> None:
    server.fail(lambda request: True, how)
    listener, warnings = listen(run_dir)
    listener.handle(epoch(1))
    listener.close(0)
    assert not listener.online
    assert len(warnings) == 1 and "runner artifacts push" in warnings[0]["message"]


@pytest.mark.slow
def test_a_server_that_goes_away_stops_nothing(server: WandbServer, run_dir: Path) -> None:
    listener, _ = listen(run_dir)
    listener.handle(epoch(1))
    assert server.wait_for(lambda: server.history(run_id(run_dir)))
    server.fail(lambda request: True, "drop")
    for number in range(2, 6):
        listener.handle(epoch(number))
    listener.close(0)
    assert epochs_of(server, run_id(run_dir)) == [1]


@pytest.mark.slow
def test_the_stop_button_asks_for_a_checkpoint(server: WandbServer, run_dir: Path) -> None:
    asked: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    try:
        server.stop_pressed = True
        listener, _ = listen(run_dir)
        listener.handle(epoch(1))
        assert server.wait_for(lambda: asked, 60) == [signal.SIGTERM]
        listener.close(75)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_project_that_cannot_be_is_one_warning(run_dir: Path) -> None:
    warnings = Warnings()
    listener = WandbListener(SECTION | {"project": "a/b"}, run_dir, SPEC, None, warnings)
    listener.handle(epoch(1))
    listener.close(0)
    (warning,) = warnings
    assert "a/b" in warning["message"]


def test_the_key_is_in_the_authorization_header_alone(server: WandbServer, run_dir: Path, tmp_path: Path) -> None:
    listener, _ = listen(run_dir)
    listener.handle(epoch(1))
    listener.close(0)
    assert server.history(run_id(run_dir))
    assert files_with(KEY, tmp_path) == []
    for request in server.requests:
        others = {name: value for name, value in request.headers.items() if name != "Authorization"}
        seen = request.body + request.path.encode() + json.dumps(others).encode()
        assert not any(disguise in seen for disguise in disguises(KEY))


def test_the_search_for_a_key_finds_one(tmp_path: Path) -> None:
    import base64

    (tmp_path / "plain").write_text(f"a={KEY}")
    for shift in range(3):
        (tmp_path / f"base64-{shift}").write_bytes(base64.b64encode(b"x" * shift + f"{KEY}".encode() + b"tail"))
    (tmp_path / "clean").write_text("nothing")
    assert len(files_with(KEY, tmp_path)) == 4


def test_who_a_run_is_does_not_change(run_dir: Path) -> None:
    first = identity(run_dir, SECTION)
    assert identity(run_dir, SECTION | {"experiment_name": "other"}) == first
    assert first.name == "dense/wide"
    kept = (run_dir / "wandb.json").read_text()
    assert kept == json.dumps(json.loads(kept), indent=2) + "\n"
    assert list(json.loads(kept)) == ["run_id", "project", "entity", "group", "name"]
    (run_dir / "wandb.json").write_text(json.dumps(json.loads(kept) | {"of_tomorrow": 1}))
    assert identity(run_dir, SECTION).run_id == first.run_id


def test_a_trial_is_the_run_that_an_agent_of_a_sweep_has_begun(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = {"WANDB_SWEEP_ID": "s1", "WANDB_RUN_ID": "trial0", "WANDB_PROJECT": "swept"}
    for name, value in agent.items():
        monkeypatch.setenv(name, value)
    found = identity(run_dir, SECTION)
    assert (found.sweep, found.run_id, found.project) == ("s1", "trial0", "swept")
    for name in agent:
        monkeypatch.delenv(name)
    # Resumed by hand it is still that one; and another run is one of its own.
    assert identity(run_dir, SECTION) == found
    other = run_dir.with_name("other")
    other.mkdir()
    assert identity(other, SECTION).sweep is None
    monkeypatch.setenv("WANDB_RUN_ID", "not-of-a-sweep")
    (other / "wandb.json").unlink()
    assert identity(other, SECTION).run_id != "not-of-a-sweep"


@pytest.mark.parametrize(
    ("section", "name"),
    [({"experiment_name": "e"}, "e"), ({"config_name": "c"}, "c"), ({}, "20260101-000000-x-abcd")],
)
def test_a_run_without_all_its_names(run_dir: Path, section: dict[str, str], name: str) -> None:
    assert identity(run_dir, {"project": "p"} | section).name == name


def test_where_a_key_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_key() is None
    (tmp_path / "home").mkdir()
    netrc = tmp_path / "home" / ".netrc"
    netrc.write_text("machine api.wandb.ai login user password from-netrc\nmachine other login user password no\n")
    netrc.chmod(0o600)
    assert find_key() == "from-netrc"
    monkeypatch.setenv("WANDB_BASE_URL", "http://other:80")
    assert find_key() is None
    monkeypatch.setenv("WANDB_BASE_URL", "https://other/")
    assert find_key() == "no"
    monkeypatch.setenv("WANDB_API_KEY", " from-environment\n")
    assert find_key() == "from-environment"
    monkeypatch.delenv("WANDB_API_KEY")
    netrc.write_text("machine machine machine")
    assert find_key() is None


class Recorder:
    """Stands where a W&B run does, and keeps what is logged."""

    def __init__(self, summary: dict[str, Any] | None = None) -> None:
        self.summary = summary or {}
        self.config: dict[str, Any] = {}
        self.rows: list[dict[str, Any]] = []
        self.axes: dict[str, str] = {}

    def define_metric(self, name: str, step_metric: str | None = None, **_: Any) -> None:
        if step_metric is not None:
            self.axes[name] = step_metric

    def log(self, row: dict[str, Any]) -> None:
        self.rows.append(row)


@given(st.lists(st.integers(1, 8), max_size=30), st.integers(0, 8), st.randoms(use_true_random=False))
def test_every_epoch_is_a_row_once_and_in_order(epochs: list[int], reached: int, chance: random.Random) -> None:
    """However often a run stopped and went back, and wherever W&B's copy ended."""
    run = Recorder({"epoch": reached} if reached else {})
    rows = Rows(run)
    for number in epochs:
        if chance.random() < 0.5:
            rows.add(event("progress", epoch=number, done=chance.randint(0, 4), total=4, metrics={"train_loss": 1.0}))
        rows.add(epoch(number))
    logged = [row["epoch"] for row in run.rows]
    assert logged == sorted(set(logged))
    assert all(value > reached for value in logged)
    highest = max(epochs, default=0)
    assert highest <= reached or logged[-1] == highest


def test_progress_is_thinned_by_the_runs_own_clock() -> None:
    run = Recorder()
    rows = Rows(run)
    for second in range(21):
        progress = event("progress", epoch=1, done=second + 1, total=100, metrics={"train_loss": 1.0})
        rows.add(replace(progress, t=1000.0 + second))
    assert [row["_timestamp"] for row in run.rows] == [1000.0 + PROGRESS_INTERVAL * n for n in range(5)]
    assert run.rows[0]["epoch"] == 0.01


@pytest.mark.parametrize(
    "progress",
    [
        {"done": 5, "total": 10, "metrics": {}, "epoch": 1},
        {"done": 5, "total": None, "metrics": {"a": 1}, "epoch": 1},
        {"done": 10, "total": 10, "metrics": {"a": 1}, "epoch": 1},
        {"done": 5, "total": 10, "metrics": {"a": 1}},
    ],
)
def test_progress_that_has_no_place_on_a_chart_is_left_out(progress: dict[str, Any]) -> None:
    run = Recorder()
    Rows(run).add(event("progress", unit="texts", **progress))
    assert run.rows == []


def test_only_numbers_are_metrics() -> None:
    assert scalars({"a": 1, "b": None, "c": "x", "d": True, "e": 0.5}) == {"a": 1, "e": 0.5}
    assert scalars({}) == {}


def step(number: int, **metrics: float) -> Event:
    return event("step", step=number, steps=100, epoch=number / 40, tokens=512 * number, metrics=metrics)


def test_a_run_told_by_step_has_three_axes() -> None:
    run = Recorder()
    rows = Rows(run)
    rows.add(step(10, loss=2.5))
    rows.add(step(20, loss=2.25))
    rows.add(replace(step(20, eval_loss=2.0), best=True))
    logged = [{name: value for name, value in row.items() if name != "_timestamp"} for row in run.rows]
    assert logged == [
        {"step": 10, "epoch": 0.25, "tokens": 5120, "loss": 2.5},
        {"step": 20, "epoch": 0.5, "tokens": 10240, "loss": 2.25},
        {"step": 20, "epoch": 0.5, "tokens": 10240, "eval_loss": 2.0},
    ]
    assert run.axes == {"*": "epoch", "loss": "step", "eval_loss": "step"}
    assert run.summary["best_step"] == 20


def test_a_step_is_a_row_once_however_often_it_is_told() -> None:
    run = Recorder({"step": 20, "epoch": 0.5, "loss": 2.25})
    rows = Rows(run)
    for number in (10, 20, 30, 30, 20, 40):
        rows.add(step(number, loss=1.0))
    rows.add(step(40, loss=1.0, eval_loss=1.0))
    assert [row["step"] for row in run.rows] == [30, 40, 40]


def test_epochs_between_steps_keep_their_own_rows() -> None:
    run = Recorder({"step": 40, "epoch": 1.0, "loss": 2.0})
    rows = Rows(run)
    rows.add(replace(epoch(1), step=40))
    rows.add(step(50, loss=1.0))
    rows.add(epoch(2))
    assert [(row["epoch"], row.get("step")) for row in run.rows] == [(1, 40), (1.25, 50), (2, None)]
