"""Jobs of a real Ray cluster: two nodes and a head, which are lost on the way. The tests go on from each other."""

from __future__ import annotations

import json
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
from runner.execution.train_and_resume import Finished
from runner.runs.event_hold import AT, FILE
from runner.spec.checking import load
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


def trained(cluster: Cluster, kind: str, run: dict[str, Any]) -> Finished:
    """The kind's own example, of one epoch."""
    document = example(kind, run=run)
    if "epochs" in document:
        document["epochs"] = 1
    return train_and_resume.train(load(json.dumps(document), source=f"{kind}.json"), cluster.workspace)


def sums(finished: Finished) -> dict[str, str]:
    """sha256 by file of a stored model."""
    manifest = json.loads((finished.model.path / "manifest.json").read_text())
    return {name: entry["sha256"] for name, entry in manifest["files"].items()}


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


def test_the_lightest_kind_of_every_family_is_trained_there_as_it_is_here(nodes: RayNodes, cluster: Cluster) -> None:
    # One thread in both: sums that are split over more come out differently in their last digits.
    there = {"executor": "ray", "cpus": 1, "gpus": 0} | {
        "engine": {"root": str(cluster.root), "options": {"address": nodes.address}}
    }
    every = registry.built_in()
    assert {every[kind].family for kind in LIGHTEST} == {kind.family for kind in every.values()}
    with ThreadPoolExecutor(2) as pool:
        on_ray = {kind: pool.submit(trained, cluster, kind, there) for kind in LIGHTEST}
    for kind, finished in on_ray.items():
        here = trained(cluster, kind, {"executor": "local", "cpus": 1, "gpus": 0})
        assert finished.result().metrics == here.metrics, kind
        assert sums(finished.result()) == sums(here), kind


def test_a_run_whose_node_is_lost_goes_on_at_another_and_is_done_whatever_becomes_of_the_head(
    nodes: RayNodes, cluster: Cluster, tmp_path: Path
) -> None:
    other = RayEngine().submit(
        order(nodes, "far", sys.executable, "-c", SAVING, tmp_path, options={"labels": {"place": "two"}})
    )
    wait((tmp_path / "began").exists)
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
