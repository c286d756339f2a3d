"""Ends that no row of the table can bring about: a killed engine or worker, and what a failed run is good for."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner import __version__
from tests.bad_inputs.cases_engine import small_disk
from tests.bad_inputs.materials import battles, spec
from tests.conftest import Desk
from tests.holding import reached

#: What an image needs in order to hold a container open: a shell, and something that waits.
PROGRAMS = ("/bin/sh", "/bin/sleep")


def wait_for(condition: Callable[[], object], seconds: float = 60) -> object:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def lay_out(desk: Desk, document: dict) -> Path:
    desk.write("data.jsonl", "".join(json.dumps(row) + "\n" for row in battles()))
    return desk.write("spec.json", document)


class PrivateEngine:
    """A Docker Engine of the test's own: it can be killed without anybody else noticing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.address = f"unix://{folder}/sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        place = self._folder
        options = {"data-root": "data", "exec-root": "exec", "pidfile": "pid"}
        words = [f"--{option}={place / name}" for option, name in options.items()]
        # No bridge, no firewall rules: nothing of the machine's network is touched.
        words += ["--bridge=none", "--iptables=false", "--ip6tables=false", "--storage-driver=vfs"]
        with (place / "log").open("ab") as log:
            self._process = subprocess.Popen(
                # In a network of its own: an engine without a bridge removes the bridge that it finds, another's too.
                ["unshare", "--net", "dockerd", f"--host={self.address}", *words],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(lambda: self._process.poll() is not None or self.docker("version", check=False).returncode == 0)
        if self._process.poll() is not None:
            pytest.skip("a second engine cannot be started here: " + (place / "log").read_text()[-300:])

    def docker(self, *words: str, check: bool = True, **more) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["docker", f"--host={self.address}", *words], check=check, capture_output=True, timeout=300, **more
        )

    def load_sleeper(self) -> None:
        """An image of a few files of this machine, whose container waits."""
        root = self._folder / "root"
        for program in PROGRAMS:
            listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
            for path in [program, *(word for word in listed.split() if word.startswith("/"))]:
                (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, root / path[1:])
        tar = subprocess.run(["tar", "-C", root, "-c", "."], capture_output=True, check=True).stdout
        entrypoint = 'ENTRYPOINT ["/bin/sh", "-c", "exec sleep 1000"]'
        self.docker("import", "--change", entrypoint, "-", "sleeper", input=tar)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """Stop it in good order, its containers first: a killed engine's live on until one comes back."""
        if self._process.poll() is not None:
            self.start()
        for container in self.docker("ps", "-aq").stdout.decode().split():
            self.docker("rm", "--force", container)
        self._process.terminate()
        self._process.wait(300)
        # An engine that was killed forgets that it had made its folder a mount.
        while subprocess.run(["umount", self._folder / "data"], capture_output=True).returncode == 0:
            pass


@pytest.fixture
def private_engine(engine) -> Iterator[PrivateEngine]:
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        pytest.skip("a second engine needs root and dockerd")
    # A socket's path has at most 107 characters; pytest's folders are longer.
    folder = Path(tempfile.mkdtemp(prefix="engine-", dir="/tmp"))
    private = PrivateEngine(folder)
    private.start()
    try:
        private.load_sleeper()
        yield private
    finally:
        private.end()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.docker
def test_an_engine_that_is_killed_while_a_run_executes(private_engine, tmp_path):
    desk = Desk(tmp_path, {"DOCKER_HOST": private_engine.address})
    path = lay_out(desk, spec(run={"executor": "docker", "image": "sleeper", "gpus": 0}))
    with (tmp_path / "said").open("wb") as said:
        process = desk.start("train", "--spec-file", path, "--json", stdout=said, stderr=subprocess.DEVNULL)
    wait_for(lambda: private_engine.docker("ps", "-q").stdout)
    private_engine.kill()
    assert process.wait(300) == 6
    document = json.loads((tmp_path / "said").read_text())
    assert document["exit_code"] == 6
    assert "Docker Engine went away" in document["message"]
    run = desk.only_run()
    assert document["where"] == f"run {run.name}"
    assert f"runner train --resume {run.name}" in document["hint"]
    state = json.loads((run / "state.json").read_text())
    assert (state["state"], state["exit_code"]) == ("failed", 6)
    assert not (tmp_path / "models").exists()


@pytest.mark.docker
def test_a_container_that_is_killed_can_be_resumed(engine, tmp_path):
    image = f"runner:{__version__}-cpu"
    desk = Desk(tmp_path)
    path = lay_out(desk, spec(epochs=100_000, run={"executor": "docker", "image": image, "gpus": 0}))
    process = desk.start("train", "--spec-file", path, stderr=subprocess.DEVNULL)
    checkpoints = wait_for(lambda: list((tmp_path / "runs").glob("*/checkpoints/0*")))
    run = checkpoints[0].parents[1]
    container = json.loads((run / "state.json").read_text())["worker"]["container"]
    subprocess.run(["docker", "kill", container], check=True, capture_output=True)
    assert process.wait(300) == 137
    state = json.loads((run / "state.json").read_text())
    assert (state["state"], state["exit_code"], state["failure"]["error"]) == ("interrupted", 137, "killed")
    few = desk.write("few.json", json.loads(path.read_text()) | {"epochs": reached(run) + 3})
    desk("train", "--resume", run.name, "--spec-file", few, "--json").ok()


def test_without_an_engine_auto_says_so_and_runs_here(tmp_path):
    desk = Desk(tmp_path, {"DOCKER_HOST": "unix:///nowhere/docker.sock"})
    done = desk("train", "--spec-file", lay_out(desk, spec(run={"executor": "auto"}))).ok()
    assert len([line for line in done.err.splitlines() if "not in a container: no Docker Engine answers" in line]) == 1
    assert json.loads((desk.only_run() / "plan.json").read_text())["executor"] == "local"


@pytest.mark.slow
def test_a_worker_that_is_killed_is_told_and_can_be_resumed(tmp_path):
    desk = Desk(tmp_path)
    process = desk.start(
        "train", "--spec-file", lay_out(desk, spec(epochs=1_000_000)), "--json", stdout=subprocess.PIPE
    )
    run = wait_for(lambda: list((tmp_path / "runs").glob("*/checkpoints/0*")))[0].parents[1]
    os.kill(json.loads((run / "state.json").read_text())["worker"]["pid"], signal.SIGKILL)
    out, _ = process.communicate(timeout=300)
    document = json.loads(out)
    assert (process.returncode, document["exit_code"], document["error"]) == (137, 137, "killed")
    assert f"runner train --resume {run.name}" in document["hint"]
    few = desk.write("few.json", json.loads((tmp_path / "spec.json").read_text()) | {"epochs": reached(run) + 3})
    desk("train", "--resume", run.name, "--spec-file", few, "--json").ok()


def test_a_run_that_its_time_limit_ended_goes_on_without_it(workshop, tmp_path):
    desk = Desk(tmp_path)
    shutil.copytree(workshop.home / "runs", tmp_path / "runs")
    lay_out(desk, {})
    (stopped,) = [path for path in (tmp_path / "runs").iterdir() if "stopped" in path.name]
    free = spec(name="stopped", epochs=3)
    assert desk("train", "--resume", stopped.name, "--spec-file", desk.write("free.json", free), "--json").ok().json


def test_a_model_that_a_full_disk_refused_is_stored_when_there_is_space(bench):
    bench.write("data.jsonl", battles())
    bench.write("spec.json", spec())
    small_disk("models", 2**20, inodes=4)(bench)
    assert bench.desk("train", "--spec-file", "spec.json").code == 6
    run = bench.desk.only_run()
    events = (run / "events.jsonl").read_text()
    roomy = Desk(bench.home, {"RUNNER_STORE_DIR": str(bench.home / "roomy")})
    stored = roomy("train", "--resume", run.name, "--json").ok().json
    assert (bench.home / stored["path"] / "manifest.json").is_file()
    assert (run / "events.jsonl").read_text() == events, "what was trained is not trained again"


def test_one_damaged_run_does_not_hide_the_others(bench):
    bench.furnish()
    damaged = bench.run("succeeded")
    (damaged / "state.json").write_text("{")
    rows = bench.desk("runs", "list", "--json").ok().json
    assert {row["state"] for row in rows} == {"damaged", "interrupted"}
    assert damaged.name in bench.desk("runs", "list").ok().out


def test_verifying_models_tells_by_its_code(bench):
    stored = bench.furnish()
    bench.desk("models", "--verify").ok()
    next(stored.glob("*.safetensors")).unlink()
    refused = bench.desk("models", "--verify", "--json")
    assert refused.code == 4
    (row,) = refused.json["models"]
    assert row["error"]["exit_code"] == 4
    assert row["error"]["where"].endswith(".safetensors")
