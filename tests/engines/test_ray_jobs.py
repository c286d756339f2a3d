"""Jobs of a real Ray cluster: two nodes and a head, which are lost on the way. The tests go on from each other."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from runner import registry
from runner.engines.engine import EngineState, EngineStatus, Order
from runner.engines.ray_cluster import RayCluster
from runner.engines.ray_head import RayHead
from runner.engines.ray_jobs import RayEngine
from runner.engines.run_root import How
from runner.engines.verdict import Budget, Standing, judge
from runner.execution import train_and_resume
from runner.runs.event_hold import AT, FILE
from runner.spec.checking import load
from tests.conftest import Desk
from tests.engines.conftest import Cluster
from tests.engines.ray_nodes import RayNodes, ray_program
from tests.examples import example
from tests.holding import wait

pytestmark = pytest.mark.slow

#: Of each family the kind that takes least.
LIGHTEST = (
    "elo_scoring",
    "tabular_classification",
    "text_classification",
    "sentence_embedding",
    "image_classification",
    "sft",
)
#: Says that it began, and waits to be asked to stop. Then it takes longer than the 3 seconds that Ray gives a job by
#: itself, as one does that writes a checkpoint.
SAVING = """
import pathlib, signal, sys, threading
here = pathlib.Path(sys.argv[1])
asked = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: asked.set())
(here / "began").touch()
asked.wait()
threading.Event().wait(4)
(here / "saved").touch()
"""


@pytest.fixture(scope="module")
def nodes() -> Iterator[RayNodes]:
    opened = RayNodes(ray_program())
    try:
        # A run that is trained on this one waits in its second epoch.
        opened.add("one", **{AT: "epoch:2", FILE: str(opened.folder / "held")})
        opened.add("two")
        yield opened
    finally:
        opened.close()


def order(nodes: RayNodes, name: str, *command: object, **fields: Any) -> Order:
    options = {"address": nodes.address} | fields.pop("options", {})
    return Order(name, tuple(map(str, command)), options=options, **fields)


def document(kind: str, run: dict[str, Any]) -> dict[str, Any]:
    """The kind's own example, of one epoch and of few rows where there are many."""
    found = example(kind, run=run)
    if "epochs" in found:
        found["epochs"] = 1
    if "base_model_name" in found["model"]["spec"]:
        found["data"]["max_samples"] = 48
    return found


def stored(model: Path) -> tuple[Any, dict[str, str]]:
    """What a stored model was measured with, and sha256 by file."""
    manifest = json.loads((model / "manifest.json").read_text())
    return manifest["metrics"], {name: entry["sha256"] for name, entry in manifest["files"].items()}


def ended(job: str) -> EngineStatus:
    def status() -> EngineStatus | None:
        found = RayEngine().status(job)
        return found if found.state is EngineState.ENDED else None

    return wait(status)


def test_one_of_many_submissions_at_once_is_a_job_and_its_code_and_words_are_told(nodes: RayNodes) -> None:
    asked = order(nodes, "once", sys.executable, "-c", "import os; print('x' + os.environ['SAID']); exit(3)",
                  environment={"SAID": "yz"})  # fmt: skip
    RayEngine().check(asked)
    with ThreadPoolExecutor(4) as pool:
        jobs = {each.result() for each in [pool.submit(RayEngine().submit, asked) for _ in range(4)]}
    assert jobs == {f"{nodes.address}/#/jobs/once"}
    assert ended(jobs.pop()) == EngineStatus(EngineState.ENDED, "the entry command ended with code 3", 3)
    assert "xyz" in RayEngine().words(f"{nodes.address}/#/jobs/once")
    # The second attempt of a run whose first has ended.
    again = RayEngine().submit(asked)
    assert again == f"{nodes.address}/#/jobs/once-2"
    assert ended(again).exit_code == 3


def test_a_job_that_is_asked_to_stop_has_its_grace_and_one_that_no_node_can_take_says_so(
    nodes: RayNodes, tmp_path: Path
) -> None:
    waiting = RayEngine().submit(order(nodes, "large", "true", gpus=8))
    why = RayEngine().status(waiting)
    assert why == EngineStatus(EngineState.PENDING, "no node has 8 GPUs: the most that one has is 0 GPUs")
    job = RayEngine().submit(order(nodes, "saving", sys.executable, "-c", SAVING, tmp_path, stop_grace=120.0))
    wait((tmp_path / "began").exists)
    RayEngine().cancel(job)
    assert ended(job).interrupted
    assert (tmp_path / "saved").exists()
    RayEngine().cancel(job)


@pytest.mark.warm
def test_the_lightest_kind_of_every_family_is_trained_there_as_it_is_here(nodes: RayNodes, cluster: Cluster) -> None:
    # One thread in both: sums that are split over more come out differently in their last digits.
    there = {"executor": "ray", "cpus": 1, "gpus": 0} | {
        "engine": {"root": str(cluster.root), "options": {"address": nodes.address}}
    }
    here = {"executor": "local", "cpus": 1, "gpus": 0}
    every = registry.built_in()
    assert {every[kind].family for kind in LIGHTEST} == {kind.family for kind in every.values()}
    desk = Desk(cluster.home)

    def on_ray(kind: str) -> Path:
        loaded = load(json.dumps(document(kind, there)), source=f"{kind}.json")
        return train_and_resume.train(loaded, cluster.workspace).model.path

    # All are asked for at once, and the cluster has room for two at a time: meanwhile they are trained here.
    with ThreadPoolExecutor(len(LIGHTEST)) as pool:
        submitted = {kind: pool.submit(on_ray, kind) for kind in LIGHTEST}
        made: dict[str, Path] = {}
        for kind in LIGHTEST:
            file = desk.write(f"{kind}.json", document(kind, here))
            made[kind] = desk.home / desk("train", "--spec-file", file, "--json").ok().json["path"]
        for kind in LIGHTEST:
            assert stored(submitted[kind].result()) == stored(made[kind]), kind


@pytest.mark.warm
def test_a_run_that_is_stopped_keeps_its_checkpoint_and_goes_on_at_another_node(
    nodes: RayNodes, cluster: Cluster, tmp_path: Path
) -> None:
    held = nodes.folder / "held"
    held.unlink(missing_ok=True)
    run = {"executor": "ray", "cpus": 1, "gpus": 0}
    engine = {"stop_grace": 60, "options": {"address": nodes.address}}
    desk = Desk(cluster.home)
    file = desk.write("spec.json", cluster.document(run=run, engine=engine))
    elsewhere = busy(nodes, "two", tmp_path)
    training = desk.start("train", "--spec-file", file, stderr=subprocess.PIPE)
    wait(held.exists, training)
    root = cluster.run()
    wait(lambda: root.storage.tree("checkpoints"), training)
    desk("runs", "stop", "last").ok()
    said = training.communicate()[1].decode()
    assert training.returncode == 75, said
    assert desk("runs", "list", "--json").ok().json[0]["state"] == "interrupted"
    job = root.submission(1)[1]
    assert job is not None
    assert ended(job).state is EngineState.ENDED
    assert [attempt.end and attempt.end.how for attempt in root.attempts()] == [How.CANCELLED]
    assert root.done() is None
    # The other node is free now, and the first one is not.
    RayEngine().cancel(elsewhere)
    ended(elsewhere)
    first = busy(nodes, "one", tmp_path)
    held.unlink(missing_ok=True)
    desk("train", "--resume", "last").ok()
    RayEngine().cancel(first)
    ended(first)
    assert not held.exists()
    assert [attempt.end and attempt.end.how for attempt in root.attempts()] == [How.CANCELLED, How.DONE]
    epochs = [event["epoch"] for event in map(json.loads, (desk.only_run() / "events.jsonl").read_text().splitlines())
              if event["event"] == "epoch"]  # fmt: skip
    assert epochs == [1, 2, 3]


def busy(nodes: RayNodes, name: str, folder: Path) -> str:
    """A job that takes all of the node until it is cancelled."""
    here = folder / name
    here.mkdir()
    job = RayEngine().submit(
        order(nodes, f"busy-{name}", sys.executable, "-c", SAVING, here, options={"labels": {"place": name}})
    )
    wait((here / "began").exists)
    return job


def test_a_run_whose_node_is_lost_goes_on_at_another_and_is_done_whatever_becomes_of_the_head(
    nodes: RayNodes, cluster: Cluster, tmp_path: Path
) -> None:
    (nodes.folder / "held").unlink(missing_ok=True)
    other = busy(nodes, "two", tmp_path)
    training = cluster.begin(run={"executor": "ray", "cpus": 1}, engine={"options": {"address": nodes.address}})
    wait((nodes.folder / "held").exists)
    RayEngine().cancel(other)
    root = cluster.run()
    wait(lambda: root.storage.tree("checkpoints"))
    nodes.lose("one")
    # A lease lapses in a minute and a half: here it has.
    cluster.silent_since_long(1)
    finished = training.result()
    assert finished.metrics
    assert [attempt.end and attempt.end.how for attempt in root.attempts()] == [None, How.DONE]
    events = (finished.run.path / "events.jsonl").read_text()
    assert "attempt 1 was lost: the run is submitted again (1 of 5 interruptions)" in events
    job = root.submission(1)[1]
    assert job is not None
    lost = ended(job)
    assert lost.interrupted
    assert (lost.why or "").startswith("its node was lost: ")
    nodes.lose("head")
    gone = RayEngine().status(job)
    assert gone.state is EngineState.UNREACHABLE
    assert "does not answer" in (gone.why or "")
    assert RayEngine().words(job) == ""
    assert judge(root, Budget()).standing is Standing.DONE


def test_a_head_on_this_machine_comes_and_goes_with_its_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "is here")
    asked = Order(
        f"here-{tmp_path.name}", (sys.executable, "-c", "import os; print(os.environ['SECRET'])"),
        secret_names=("SECRET",), options={"address": "local", "program": ray_program()},
    )  # fmt: skip
    RayEngine().check(asked)
    job = RayEngine().submit(asked)
    head = RayHead(asked.name)
    cluster = head.cluster()
    assert cluster is not None
    # Others on this machine have no token.
    assert RayCluster(cluster.address, "another")._pool.request("GET", cluster.address + "/api/jobs/").status == 401
    assert ended(job) == EngineStatus(EngineState.ENDED, exit_code=0)
    wait(lambda: head.end() is not None)
    assert "is here" in RayEngine().words(job)
    head.wait_until_over()
    assert not [each for each in psutil.process_iter(["cmdline"]) if str(head.folder) in str(each.info["cmdline"])]
