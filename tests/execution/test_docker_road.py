"""The whole road through a real engine: every kind trains in a container, and scores there and here."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.execution import image_lookup as images
from runner.runs.event_hold import AT, FILE
from runner.training import made_models
from tests.conftest import Desk
from tests.examples import example, files, numbers, question
from tests.holding import wait, wait_for_checkpoint

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("engine")]
#: A kind without libraries, one of tables, one of torch. That every kind trains in the image, and answers there, is
#: shown by the conformance tests, in one container for all.
TRAINED = ("bradley_terry_scoring", "tabular_classification", "sft")
#: Kinds that are ended in the middle here too, each in one of the two ways: one without torch, one with it and with
#: stages. How a container ends is the same for all; that each resumes is shown by the conformance tests.
ENDED = [("elo_scoring", signal.SIGKILL), ("dn_embedding", signal.SIGTERM)]
EPOCHS = 3


@pytest.fixture(scope="module")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An embedding cache for these tests alone: in the session's, tests run by root make files meanwhile that the user
    in the container cannot write, and a run that embeds anew differs in its last digits."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def make_desk(tmp_path_factory: pytest.TempPathFactory, own_cache: Path) -> Callable[[], Desk]:
    return lambda: Desk(tmp_path_factory.mktemp("desk"), {"RUNNER_CACHE_DIR": str(own_cache)})


@pytest.fixture
def desk(tmp_path: Path, own_cache: Path) -> Iterator[Desk]:
    yield Desk(tmp_path, {"RUNNER_CACHE_DIR": str(own_cache)})
    assert containers() == [], "a container outlived its run"


def containers() -> list[str]:
    label = '{{.Label "runner.run"}}'
    listing = ["docker", "ps", "--all", "--filter", "label=runner.run", "--format", label]
    # Other tests of this session run containers of their own on the same engine: those of this process only, without
    # the one that all kinds share.
    if os.environ.get("PYTEST_XDIST_WORKER"):
        return []
    names = subprocess.check_output(listing, text=True).split()
    return [name for name in names if not name.startswith("contained-")]


def by_hand(desk: Desk, *words: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """``docker run IMAGE ...`` as a user types it, in a folder that any user may write to."""
    desk.home.chmod(0o777)
    for folder in ("models", "inference_outputs", "runs"):
        (desk.home / folder).mkdir(exist_ok=True)
        (desk.home / folder).chmod(0o777)
    command = ["docker", "run", "--rm", "--interactive", "--network", "none", "--volume", f"{desk.home}:/workspace"]
    return subprocess.run([*command, images.tag("cpu"), *map(str, words)], input=stdin, capture_output=True)


@pytest.mark.parametrize("kind", TRAINED)
def test_it_trains_in_a_container_as_it_does_here_and_scores_the_same_in_both(kind, desk, make_desk):
    # One thread in both: sums that are split over more come out differently in their last digits.
    spec = desk.write("spec.json", example(kind, run={"cpus": 1}))
    document = desk("train", "--spec-file", spec, "--executor", "docker", "--json").ok().json
    here = make_desk()
    local = here("train", "--spec-file", spec, "--executor", "local", "--json").ok().json
    assert document["metrics"] == local["metrics"]
    assert files(desk, document) == files(here, local)

    words = question(desk, document)
    on_host = desk(*words, "--output-path", "-").ok().json
    # In the container the folder has another name.
    in_container = by_hand(
        desk, *[Path(word).name if isinstance(word, Path) else word for word in words], "--output-path", "-"
    )
    assert in_container.returncode == 0, in_container.stderr
    # Threads add up in another order here and there: equal but for the last digits.
    assert numbers(json.loads(in_container.stdout)) == pytest.approx(numbers(on_host), abs=1e-5)


def waiting(desk: Desk, document: dict[str, Any], own_cache: Path) -> tuple[Any, Path]:
    """A training that waits in its container at the end of its second epoch, and its run's directory."""
    # A file that this user and the container's both see, and both may take away.
    mark = own_cache / f"held-{desk.home.parent.name}-{desk.home.name}"
    halt = {AT: "epoch:2", FILE: str(mark)}
    run = document.get("run", {}) | {"cpus": 1, "env": [*document.get("run", {}).get("env", []), *halt]}
    spec = desk.write("waiting.json", document | {"run": run})
    held = replace(desk, environment=desk.environment | halt)
    process = held.start_copy("train", "--spec-file", spec, "--executor", "docker")
    wait(mark.exists, process)
    return process, desk.only_run()


@pytest.mark.parametrize(("kind", "end"), ENDED)
def test_ended_in_the_middle_of_a_container_it_resumes_to_the_same_model(kind, end, desk, make_desk, own_cache):
    document = example(kind, epochs=EPOCHS)
    process, run = waiting(desk, document, own_cache)
    if end == signal.SIGKILL:
        container = json.loads((run / "state.json").read_text())["worker"]["container"]
        subprocess.run(["docker", "kill", "--signal", "KILL", container], check=True, capture_output=True)
    else:
        process.send_signal(end)
    code = process.wait(300)
    assert code == (75 if end == signal.SIGTERM else 137)
    spec = desk.write("spec.json", document | {"run": {"cpus": 1}})
    resumed = desk("train", "--resume", run.name, "--spec-file", spec, "--executor", "docker", "--json").ok().json
    whole_desk = make_desk()
    whole = whole_desk("train", "--spec-file", spec, "--executor", "local", "--json").ok().json
    assert resumed["metrics"] == whole["metrics"]
    assert files(desk, resumed) == files(whole_desk, whole)


def test_a_base_model_that_is_a_folder_and_an_adapter_beside_it_are_read_in_the_container(desk, tmp_path):
    """Nothing of either is in the image or in the cache: an adapter's folder is of no use without that of its base."""
    folder = made_models.made(made_models.TINY, tmp_path / "elsewhere")
    method = {"finetuning_spec": {"method": "lora", "rank": 4}, "save_as": "adapter"}
    for path in folder.iterdir():
        # Weights are written for their owner alone, and root's container runs as another user.
        path.chmod(0o644)
    reference = str(folder)
    for kind in ("sft", "dpo"):
        document = example(kind, run={"cpus": 1})
        document["model"]["spec"] |= {"base_model_name": reference} | method
        spec = desk.write(f"{kind}.json", document)
        plan = desk("train", "--spec-file", spec, "--executor", "docker", "--dry-run", "--json").ok().json
        mounts = [word for word in plan["command"] if word.startswith("type=bind,")]
        assert f"type=bind,source={folder},target={folder},readonly" in mounts
        done = desk("train", "--spec-file", spec, "--executor", "docker", "--json").ok().json
        reference = done["model"].rpartition("/")[0]
    answered = desk(*question(desk, done), "--output-path", "-").ok().json
    assert len(numbers(answered)) >= 4


def test_a_spec_piped_into_the_image_by_hand_trains(desk):
    document = example("bradley_terry_scoring")
    done = by_hand(desk, "train", "--executor", "local", "--json", stdin=json.dumps(document).encode())
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["model"].startswith("bradley_terry_scoring/")
    assert (desk.home / "models" / "bradley_terry_scoring").is_dir()


def test_the_command_that_the_plan_shows_does_the_same_by_hand(desk):
    spec = desk.write("spec.json", example("least_squares_scoring"))
    plan = desk("train", "--spec-file", spec, "--executor", "docker", "--dry-run", "--json").ok().json
    document = desk("train", "--spec-file", spec, "--executor", "docker", "--json").ok().json
    run = Path(document["run_directory"])
    twin = run.with_name("twin")
    for folder in ("artifact", "checkpoints"):
        (twin / folder).mkdir(parents=True)
    for name in ("spec.json", "plan.json", "state.json"):
        (twin / name).write_bytes((run / name).read_bytes())
    for path in (twin, *twin.iterdir()):
        path.chmod(0o777)
    words = [word.replace(str(desk.home / "runs" / "RUN"), str(twin)) for word in plan["command"]]
    done = subprocess.run(words, capture_output=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    assert json.loads((twin / "result.json").read_text())["metrics"] == document["metrics"]


def test_when_the_supervisor_dies_the_container_stops_and_the_run_resumes(desk, own_cache):
    document = example("elo_scoring", epochs=EPOCHS)
    process, run = waiting(desk, document, own_cache)
    container = json.loads((run / "state.json").read_text())["worker"]["container"]
    process.kill()
    until = time.monotonic() + 300
    while time.monotonic() < until:
        state = subprocess.run(
            ["docker", "inspect", "--format", "{{.State.Running}}", container], capture_output=True, text=True
        )
        if state.stdout.strip() != "true":
            break
        time.sleep(0.2)
    else:
        pytest.fail("the container went on without its supervisor")
    assert [row["state"] for row in desk("runs", "list", "--json").ok().json] == ["interrupted"]
    spec = desk.write("spec.json", document)
    assert desk("train", "--resume", "last", "--spec-file", spec, "--json").ok().json["state"] == "succeeded"
    subprocess.run(["docker", "rm", "--force", container], capture_output=True)


def test_a_planted_key_is_nowhere(desk):
    """A key given to a run is in no inspect, history, log, run directory, model or W&B file, plain or encoded."""
    key = "wk" + "5e7c1a9b" * 5
    token = "Planted-Token-93!x/y+z"
    desk = Desk(desk.home, {"WANDB_API_KEY": key, "MY_TOKEN": token, "WANDB_MODE": "offline"})
    # Long enough to be looked into: it is not told to wait, so that its command line says all that it says.
    document = example("elo_scoring", epochs=1000)
    document |= {"wandb": {"project": "p", "artifact_name": "a"}, "run": {"env": ["MY_TOKEN"]}}
    spec = desk.write("spec.json", document)
    log = (desk.home / "terminal.txt").open("wb")
    process = desk.start("train", "--spec-file", spec, "--executor", "docker", stderr=log, stdout=log)
    run = wait_for_checkpoint(desk, process)
    container = json.loads((run / "state.json").read_text())["worker"]["container"]
    inside = subprocess.run(["docker", "exec", container, "ls", "/run/secrets"], capture_output=True, text=True)
    assert inside.stdout == "", "once the worker has read them, the files are gone"
    said = subprocess.check_output(["docker", "inspect", container])
    said += subprocess.check_output(["docker", "history", "--no-trunc", images.tag("cpu")])
    said += subprocess.run(["docker", "logs", container], capture_output=True).stdout
    process.send_signal(signal.SIGTERM)
    assert process.wait(300) == 75
    desk("train", "--resume", run.name).ok()
    log.close()
    needles = {form for secret in (key, token) for form in encodings(secret)}
    places = [path for path in desk.home.rglob("*") if path.is_file() and path != spec]
    assert any(path.suffix == ".wandb" for path in places), "the W&B file is among what is searched"
    for path in places:
        content = path.read_bytes()
        assert not [needle for needle in needles if needle in content], path
    assert not [needle for needle in needles if needle in said]
    left = [path for path in Path("/dev/shm").glob("runner-secrets-*/MY_TOKEN") if path.read_text() == token]
    assert not left, "secret files were left behind"


def encodings(secret: str) -> list[bytes]:
    raw = secret.encode()
    return [
        raw,
        raw[::-1],
        raw.hex().encode(),
        base64.b64encode(raw).rstrip(b"=")[:-1],
        base64.urlsafe_b64encode(raw).rstrip(b"=")[:-1],
        urllib.parse.quote(secret, safe="").encode(),
        json.dumps(secret)[1:-1].encode(),
    ]
