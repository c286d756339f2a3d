"""Uploading the outbox, against a server that speaks the SDK's own calls and fails when told to."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import psutil
import pytest

from runner.errors import EnvironmentProblem, ExitCode
from runner.spec.envelope import WandbSection
from runner.store import upload_queue
from runner.tracking import model_upload
from runner.tracking.wandb_listener import WandbListener
from runner.workspace import Workspace
from tests.conftest import ROOT, Desk
from tests.tracking.wandb_cases import (
    KEY,
    SECTION,
    SPEC,
    clean_environment,
    disguises,
    epoch,
    epochs_of,
    files_with,
    finished_run,
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
def workspace(tmp_path: Path) -> Workspace:
    """What ``Workspace.current()`` is in ``tmp_path``."""
    names = ("runs", "models", "inference_outputs", "outbox", "cache")
    return Workspace(*(tmp_path / name for name in names))


def queue(workspace: Workspace) -> upload_queue.Entry:
    run, model = finished_run(workspace)
    return model_upload.queue(workspace, run, model, SECTION)


def push(workspace: Workspace, key: str = KEY, attempts: int = 1) -> model_upload.Result:
    (result,) = model_upload.push(workspace, key=key, attempts=attempts, pause=0.05, timeout=60)
    return result


def command(tmp_path: Path, server: WandbServer, key: str | None = KEY) -> Desk:
    keys = {"WANDB_API_KEY": key} if key else {}
    return Desk(tmp_path, {"WANDB_BASE_URL": server.url, "HOME": str(tmp_path / "home")} | keys)


@pytest.mark.slow
@pytest.mark.warm
def test_model_and_metrics_arrive_whole_and_once(server: WandbServer, workspace: Workspace, tmp_path: Path) -> None:
    entry = queue(workspace)
    result = push(workspace)
    assert (result.state, result.version, result.exit_code) == ("done", "v0", 0)
    (artifact,) = server.committed()
    stored = Path(entry.path)
    sums = {path.name: sha256(path.read_bytes()).hexdigest() for path in stored.iterdir()}
    assert {name: sha256(body).hexdigest() for name, body in artifact["files"].items()} == sums
    assert set(sums) == {"manifest.json", "model.json", "weights.safetensors"}
    assert artifact["collection"] == "router"
    assert artifact["run"] == entry.wandb_run_id
    assert artifact["metadata"]["model_type"] == "dense_network"
    assert artifact["metadata"]["sha256"] == json.loads((stored / "manifest.json").read_text())["sha256"]
    assert epochs_of(server, entry.wandb_run_id) == [1, 2, 3]
    assert server.runs[entry.wandb_run_id]["summary"]["accuracy"] == 0.75
    # Nothing of the machine's folders, and the key nowhere but where it belongs.
    assert not any(str(tmp_path).encode() in request.body for request in server.requests)
    assert files_with(KEY, tmp_path) == []
    for request in server.requests:
        others = {name: value for name, value in request.headers.items() if name != "Authorization"}
        seen = request.body + request.path.encode() + json.dumps(others).encode()
        assert not any(disguise in seen for disguise in disguises(KEY))

    # Again: there is nothing to do.
    assert model_upload.push(workspace, key=KEY) == []
    # And where the crash came after the server had it, before we had written so: no second version.
    upload_queue.mark(workspace.outbox, upload_queue.read(workspace.outbox, entry.id), "uploading")
    assert push(workspace).version == "v0"
    assert len(server.committed()) == len(server.artifacts) == 1
    assert epochs_of(server, entry.wandb_run_id) == [1, 2, 3]


def test_a_run_that_trained_offline_is_sent_afterwards(server: WandbServer, workspace: Workspace) -> None:
    run, model = finished_run(workspace)
    listener = WandbListener(SECTION, run.path, SPEC, None, lambda *_, **__: None)
    listener.handle(epoch(1))
    listener.close(0)
    (line,) = model_upload.queue_and_push(workspace, run, model, WandbSection.model_validate(SECTION))
    assert "runner artifacts push" in line and "dense_network/x/v1" in line
    assert server.requests == []
    assert push(workspace).state == "done"
    (name,) = server.runs
    assert name == json.loads((run.path / "wandb.json").read_text())["run_id"]
    assert epochs_of(server, name) == [1, 2, 3]
    assert server.runs[name]["displayName"] == "dense/wide"


@pytest.mark.slow
def test_what_an_online_run_could_not_send_is_sent_with_the_model(server: WandbServer, workspace: Workspace) -> None:
    run, model = finished_run(workspace)
    listener = WandbListener(SECTION, run.path, SPEC, KEY, lambda *_, **__: None)
    listener.handle(epoch(1))
    listener.handle(epoch(2))
    listener.close(0)
    entry = model_upload.queue(workspace, run, model, SECTION)
    assert epochs_of(server, entry.wandb_run_id) == [1, 2]
    assert push(workspace).state == "done"
    assert epochs_of(server, entry.wandb_run_id) == [1, 2, 3]


@pytest.mark.slow
def test_training_queues_and_uploads_in_one_go(
    server: WandbServer, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    run, model = finished_run(workspace)
    section = WandbSection.model_validate(SECTION)
    assert model_upload.queue_and_push(workspace, run, model, section) == ["uploaded to W&B as router:v0"]
    assert model_upload.queue_and_push(workspace, run, model, section) == []
    assert len(server.committed()) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "how"), [("PUT /storage/artifact", "drop"), ("CreateArtifactManifest", 500), ("CommitArtifact", "drop")]
)
def test_an_upload_that_breaks_stays_queued_and_the_next_completes_it(
    server: WandbServer, workspace: Workspace, call: str, how: int | str
) -> None:
    entry = queue(workspace)
    rule = server.fail(call, how)
    result = push(workspace)
    assert (result.state, result.exit_code) == ("queued", 6)
    waiting = upload_queue.read(workspace.outbox, entry.id)
    assert (waiting.state, waiting.attempts) == ("queued", 1)
    assert waiting.last_error and KEY not in waiting.last_error
    assert server.committed() == []
    rule.times = 0
    assert push(workspace).state == "done"
    assert len(server.committed()) == 1
    assert epochs_of(server, entry.wandb_run_id) == [1, 2, 3]


@pytest.mark.slow
def test_the_network_is_tried_again_the_key_is_not(server: WandbServer, workspace: Workspace) -> None:
    queue(workspace)
    server.fail("PUT /storage/artifact", "drop")
    push(workspace, attempts=2)
    assert len(server.operations("RunResumeStatus")) == 2
    server.requests.clear()
    push(workspace, key=KEY[::-1], attempts=3)
    assert len(server.operations("RunResumeStatus")) == 1


@pytest.mark.slow
@pytest.mark.warm
def test_a_push_that_is_killed_is_completed_by_the_next(
    server: WandbServer, workspace: Workspace, tmp_path: Path
) -> None:
    entry = queue(workspace)
    rule = server.fail("PUT /storage/artifact", 60.0)
    pusher = command(tmp_path, server).start("artifacts", "push")
    assert server.wait_for(lambda: any(r.path.startswith("/storage/artifact") for r in server.requests), 60)
    family = psutil.Process(pusher.pid).children(recursive=True)
    assert family
    pusher.send_signal(signal.SIGKILL)
    pusher.wait()
    _, alive = psutil.wait_procs(family, timeout=300)
    assert alive == []
    assert upload_queue.read(workspace.outbox, entry.id).state == "uploading"
    rule.times = 0
    assert push(workspace).state == "done"
    assert len(server.committed()) == 1


def test_an_entry_that_another_push_holds_is_left_to_it(server: WandbServer, workspace: Workspace) -> None:
    entry = queue(workspace)
    results: list[model_upload.Result] = []
    with upload_queue.lock(workspace.outbox, entry.id):
        thread = threading.Thread(target=lambda: results.append(push(workspace)))
        thread.start()
        thread.join()
    assert [(result.state, result.exit_code) for result in results] == [("busy", 0)]
    assert server.requests == []
    assert upload_queue.read(workspace.outbox, entry.id) == entry


def test_a_model_that_changed_is_not_uploaded(server: WandbServer, workspace: Workspace) -> None:
    entry = queue(workspace)
    weights = Path(entry.path) / "weights.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    result = push(workspace)
    assert (result.state, result.exit_code) == ("failed", 4)
    assert "checksum" in str(result.error)
    assert server.requests == []


@pytest.mark.slow
def test_one_that_fails_does_not_keep_the_others(server: WandbServer, workspace: Workspace) -> None:
    first, second = queue(workspace), queue(workspace)
    (Path(first.path) / "weights.safetensors").unlink()
    results = model_upload.push(workspace, key=KEY, timeout=60)
    assert {result.id: result.state for result in results} == {first.id: "failed", second.id: "done"}
    assert model_upload.exit_code(results) == ExitCode.DATA


def test_without_a_key_push_says_what_waits(workspace: Workspace) -> None:
    assert model_upload.push(workspace) == []
    queue(workspace)
    with pytest.raises(EnvironmentProblem, match="dense_network/x/v1") as caught:
        model_upload.push(workspace)
    assert "WANDB_API_KEY" in str(caught.value.hint)


def test_a_refused_key_is_told_with_its_exit_code(server: WandbServer, workspace: Workspace, tmp_path: Path) -> None:
    wrong = KEY[::-1]
    entry = queue(workspace)
    said = command(tmp_path, server, wrong)("artifacts", "push")
    assert said.code == ExitCode.ENVIRONMENT
    assert "refused the key" in said.err and "WANDB_API_KEY" in said.err
    assert "Traceback" not in said.err and wrong not in said.out + said.err
    assert upload_queue.read(workspace.outbox, entry.id).state == "queued"
    assert files_with(wrong, tmp_path) == []
    status = command(tmp_path, server, None)("artifacts", "status", "--json").ok().json
    assert status["counts"] == {"queued": 1, "uploading": 0, "done": 0, "failed": 0}
    assert "refused the key" in status["entries"][0]["last_error"]


@pytest.mark.slow
@pytest.mark.warm
def test_the_command_line_pushes_and_shows(server: WandbServer, workspace: Workspace, tmp_path: Path) -> None:
    desk = command(tmp_path, server)
    assert "empty" in desk("artifacts", "status").ok().out
    assert desk("artifacts", "push").ok().out == "nothing to upload\n"
    entry = queue(workspace)
    assert "1 to upload" in desk("artifacts", "status").ok().out
    assert desk("artifacts", "push", "--only", "nope").code == ExitCode.NOT_FOUND_OR_CONFLICT
    document = desk("artifacts", "push", "--json", "--only", entry.id).ok().json
    assert [(result["state"], result["version"]) for result in document["results"]] == [("done", "v0")]
    assert desk("artifacts", "status", "--json").ok().json["entries"][0]["state"] == "done"


def test_no_key_on_the_command_line(server: WandbServer, workspace: Workspace, tmp_path: Path) -> None:
    queue(workspace)
    said = command(tmp_path, server, None)("artifacts", "push", "--json")
    assert said.code == ExitCode.ENVIRONMENT
    assert "dense_network/x/v1" in said.json["message"]


@pytest.mark.slow
def test_a_training_with_and_without_a_key(server: WandbServer, tmp_path: Path) -> None:
    """The whole road: with a key everything is on W&B when ``train`` ends; without one, after ``artifacts push``."""
    spec = json.loads((ROOT / "specs" / "elo_scoring.json").read_text())
    spec.pop("$schema", None)
    with_key, without = command(tmp_path, server), command(tmp_path, server, None)
    with_key.write("spec.json", spec | {"wandb": SECTION})
    words = ("train", "--spec-file", "spec.json", "--executor", "local")
    with_key(*words).ok()
    assert [artifact["collection"] for artifact in server.committed()] == ["router"]
    (online,) = server.runs
    assert epochs_of(server, online) == [1, 2, 3, 4, 5]
    said = without(*words).ok()
    assert "runner artifacts push" in said.err
    assert len(server.runs) == 1
    with_key("artifacts", "push").ok()
    (offline,) = set(server.runs) - {online}
    assert epochs_of(server, offline) == [1, 2, 3, 4, 5]
    # The same seed: W&B shows the same final figures for both, whichever way they came.
    figures = [server.runs[name]["summary"]["log_loss"] for name in (online, offline)]
    assert figures[0] == figures[1]
    assert len(server.committed()) == 2
    assert files_with(KEY, tmp_path) == []
