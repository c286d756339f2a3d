"""A run as SkyPilot and Hugging Face's Jobs take it; neither is asked for a machine here."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from runner.engines.engine import Order
from runner.engines.rented_machines import hf_jobs, skypilot
from runner.engines.run_root import RunRoot
from runner.engines.storage import FolderStorage
from runner.errors import SpecError
from tests.conftest import Desk

ORDER = Order(
    name="tutor-0123456789ab-1",
    command=("runner", "worker", "--root", "s3://bucket/runs/tutor-0123456789ab"),
    environment={"RUNNER_SUBMISSION": "1"},
    secret_names=("HF_TOKEN",),
    image="registry/runner:1",
    gpus=8,
    cpus=15.5,
    memory=2**36,
    time_limit=7200,
    stop_grace=120,
)
ENTRY = "runner worker --root s3://bucket/runs/tutor-0123456789ab"
STOPPED_BEFORE = f"timeout --preserve-status --signal=TERM 7080s {ENTRY}"


def test_a_task_of_skypilot_starts_the_entry_on_every_node() -> None:
    text = skypilot(replace(ORDER, nodes=2))
    task = yaml.safe_load(text)
    assert text.startswith("# sky jobs launch FILE --secret HF_TOKEN --secret AWS_ACCESS_KEY_ID")
    assert task["resources"] == {
        "use_spot": True,
        "image_id": "docker:registry/runner:1",
        "accelerators": "A100:8",
        "cpus": "16+",
        "memory": "64+",
        "job_recovery": {"recover_on_exit_codes": [75]},
    }
    assert (task["name"], task["num_nodes"]) == ("tutor-0123456789ab-1", 2)
    assert task["envs"] == {"RUNNER_SUBMISSION": "1"}
    assert task["secrets"]["HF_TOKEN"] is None
    nodes, head, entry = task["run"].splitlines()
    assert nodes == "export RUNNER_NODES=$SKYPILOT_NUM_NODES RUNNER_NODE_RANK=$SKYPILOT_NODE_RANK"
    assert head == 'export RUNNER_HEAD="$(echo "$SKYPILOT_NODE_IPS" | head -n1):29500"'
    assert entry == STOPPED_BEFORE
    alone = yaml.safe_load(skypilot(replace(ORDER, time_limit=None)))
    assert (alone["run"], "num_nodes" in alone) == (ENTRY + "\n", False)


def test_a_job_of_hugging_face_stops_before_its_machine_does() -> None:
    words = shlex.split(hf_jobs(ORDER))
    at = words.index("registry/runner:1")
    assert shlex.join(words[at + 1 :]) == STOPPED_BEFORE
    given = shlex.join(words[:at])
    assert given.startswith("hf jobs run --detach --label name=tutor-0123456789ab-1 --flavor a100x8 --timeout 7200s")
    assert "--env RUNNER_SUBMISSION=1" in given
    assert "--secrets HF_TOKEN --secrets AWS_ACCESS_KEY_ID" in given
    # Without a limit it has half an hour, which Hugging Face then gives it.
    assert "timeout --preserve-status --signal=TERM 1680s runner" in hf_jobs(replace(ORDER, time_limit=None))


@pytest.mark.slow
def test_hugging_faces_own_program_asks_for_that_job(tmp_path: Path) -> None:
    """The words as a person types them, with the program that is installed here, and what it sends."""
    asked: dict[str, Any] = {}

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer({"name": "me", "type": "user", "orgs": []})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked[self.path] = body
            created = {
                "id": "j1",
                "createdAt": "2026-01-01T00:00:00.000Z",
                "owner": {"id": "1", "name": "me", "type": "user"},
            }
            self.answer(created | {"status": {"stage": "RUNNING", "message": None}} | body)

        def answer(self, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    keys = {"HF_TOKEN": "hf_a", "AWS_ACCESS_KEY_ID": "b", "AWS_SECRET_ACCESS_KEY": "c", "AWS_ENDPOINT_URL": "d"}
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as hub:
        threading.Thread(target=hub.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{hub.server_address[1]}"
        words = shlex.split(hf_jobs(ORDER))
        program = str(Path(sys.executable).with_name(words[0]))
        environment = os.environ | keys | {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "0"}
        done = subprocess.run([program, *words[1:]], env=environment, capture_output=True, text=True)
        hub.shutdown()
    assert done.returncode == 0, done.stderr
    (job,) = asked.values()
    assert shlex.join([*job["command"], *job["arguments"]]) == STOPPED_BEFORE
    assert (job["dockerImage"], job["flavor"], job["timeoutSeconds"]) == ("registry/runner:1", "a100x8", 7200)
    assert (job["environment"], job["secrets"]) == ({"RUNNER_SUBMISSION": "1"}, keys)
    assert job["labels"]["name"] == ORDER.name


@pytest.mark.parametrize("write", [skypilot, hf_jobs])
@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"image": None}, "/run/image"),
        ({"folder": "/shared/runs/tutor"}, "/run/engine/root"),
        ({"queue": "gpus"}, "/run/engine/queue"),
        ({"options": {"namespace": "team"}}, "/run/engine/options"),
    ],
)
def test_what_rented_machines_do_not_have_is_refused(write: Any, changes: dict[str, Any], where: str) -> None:
    with pytest.raises(SpecError) as refused:
        write(replace(ORDER, **changes))
    assert [fault.pointer for fault in refused.value.faults] == [where]


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"nodes": 2}, "/run/engine/nodes"),
        ({"gpus": 3}, "/run/gpus"),
        ({"time_limit": 200.0}, "/run/engine/lifetime"),
    ],
)
def test_what_hugging_face_does_not_have_is_refused(changes: dict[str, Any], where: str) -> None:
    with pytest.raises(SpecError) as refused:
        hf_jobs(replace(ORDER, **changes))
    assert [fault.pointer for fault in refused.value.faults] == [where]


def spec(root: Path | str) -> dict[str, Any]:
    run = {"executor": "kubernetes", "gpus": 0, "image": "registry/runner:1", "engine": {"root": str(root)}}
    kind = {"model_type": "elo_scoring", "min_model_occurrences": 20}
    return {"model": {"name": "elo", "spec": kind}, "data": {"dataset": "sample"}, "epochs": 1, "run": run}


@pytest.mark.slow
@pytest.mark.warm
def test_a_staged_run_is_trained_by_the_command_that_is_printed(desk: Desk) -> None:
    root = desk.home / "root"
    root.mkdir()
    file = desk.write("spec.json", spec(root))
    made = desk("remote", "stage", file, "--json").ok().json
    assert made["root"] == f"{root}/{made['run']}"
    assert desk("remote", "stage", file, "--json").ok().json == made
    assert not (root / made["run"] / "attempts").exists()
    desk(*shlex.split(made["command"])[1:]).ok()
    assert RunRoot(FolderStorage(root), made["run"]).done() is not None


def test_the_verb_writes_them(desk: Desk) -> None:
    file = desk.write("spec.json", spec(desk.home / "root"))
    refused = desk("spec", "export", file, "--to", "skypilot")
    assert refused.code == 3
    assert "/run/engine/root" in refused.err
    plain = desk.write("plain.json", spec("x") | {"run": {"executor": "local"}})
    refused = desk("spec", "export", plain, "--to", "hf-jobs")
    assert refused.code == 3
    assert "/run/engine" in refused.err
    assert "skypilot" in desk("spec", "export", plain, "--to", "skypilo").err


def test_the_verb_takes_an_address_it_does_not_ask(desk: Desk) -> None:
    file = desk.write("spec.json", spec("s3://bucket/runs"))
    made = json.loads(desk("spec", "export", file, "--to", "hf-jobs", "--json").ok().out)
    assert made["root"] == f"s3://bucket/runs/{made['run']}"
    assert made["text"].startswith("hf jobs run ")
