"""`kubectl` and Kubernetes' API over loopback: orders become Jobs once, are told of, and are taken back.

The API server is a made-up one (tests/engines/api_server.py); the client is the real one, and without it nothing of
this can be shown.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.engines.engine import EngineState, Order
from runner.engines.kubernetes import KubernetesEngine
from runner.errors import EnvironmentProblem, NotFoundError
from tests.engines.api_server import ApiServer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed here"),
]

ORDER = Order(
    name="tutor-0123456789ab-1",
    command=("runner", "worker", "--root", "s3://bucket/runs/tutor-0123456789ab"),
    image="registry/runner:1",
    nodes=2,
    gpus=1,
    options={"namespace": "team"},
)
NAME = "runner-tutor-0123456789ab-1"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    made = ApiServer()
    monkeypatch.setenv("KUBECONFIG", str(made.kubeconfig(tmp_path / "kubeconfig")))
    # Where kubectl keeps what it learned of a server.
    monkeypatch.setenv("HOME", str(tmp_path))
    yield made
    made.close()


def test_an_order_is_submitted_once_told_of_and_taken_back(server: ApiServer) -> None:
    engine = KubernetesEngine()
    engine.check(ORDER)
    job = engine.submit(ORDER)
    assert job == f"team/{NAME}"
    assert engine.submit(ORDER) == job
    made = [(method, path.rpartition("/")[2]) for method, path, _ in server.changes]
    assert made.count(("POST", "jobs")) == made.count(("POST", "services")) == 1
    (service,) = [sent for _, path, sent in server.changes if path.endswith("/services")]
    (owner,) = service["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("Job", NAME, f"uid-of-{NAME}")

    assert engine.status(job).state is EngineState.PENDING
    pod: dict[str, Any] = {
        "metadata": {"labels": {"job-name": NAME}},
        "spec": {"containers": [{"name": "run"}]},
        "status": {"phase": "Running"},
    }
    server.put("pods", f"{NAME}-0-abcde", pod)
    server.logs[f"{NAME}-0-abcde"] = "the run begins\n"
    assert engine.status(job).state is EngineState.RUNNING
    assert "the run begins" in engine.words(job)

    engine.cancel(job)
    assert (server.changes[-1][0], server.changes[-1][2]["propagationPolicy"]) == ("DELETE", "Foreground")
    assert engine.status(job).state is EngineState.UNKNOWN
    engine.cancel(job)


def test_an_order_whose_job_has_ended_is_submitted_anew(server: ApiServer) -> None:
    engine, alone = KubernetesEngine(), replace(ORDER, nodes=1)
    job = engine.submit(alone)
    server.things["jobs", "team", NAME]["status"] = {"conditions": [{"type": "Failed", "status": "True"}]}
    assert engine.status(job).state is EngineState.ENDED
    engine.submit(alone)
    assert engine.status(job).state is EngineState.PENDING


def test_who_may_not_is_told_before_anything_is_made(server: ApiServer) -> None:
    server.allowed = False
    with pytest.raises(EnvironmentProblem, match="lets you create no Jobs in the namespace team"):
        KubernetesEngine().check(ORDER)


def test_a_queue_has_to_be_one_of_kueues(server: ApiServer) -> None:
    engine, queued = KubernetesEngine(), replace(ORDER, queue="gpus")
    with pytest.raises(NotFoundError, match="the namespace has no queue gpus") as refused:
        engine.check(queued)
    assert refused.value.where == "/run/engine/queue"
    server.put("localqueues", "gpus", {})
    engine.check(queued)
    job = engine.submit(queued)
    assert engine.status(job).why == "suspended: Kueue has not let it begin"
    told = {"type": "QuotaReserved", "status": "False", "message": "insufficient quota for nvidia.com/gpu"}
    labels = {"kueue.x-k8s.io/job-uid": f"uid-of-{NAME}"}
    server.put("workloads", "one", {"metadata": {"labels": labels}, "status": {"conditions": [told]}})
    assert "insufficient quota for nvidia.com/gpu" in (engine.status(job).why or "")


def test_a_queue_of_a_cluster_without_kueue_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = ApiServer(kueue=False)
    monkeypatch.setenv("KUBECONFIG", str(bare.kubeconfig(tmp_path / "kubeconfig")))
    monkeypatch.setenv("HOME", str(tmp_path))
    try:
        with pytest.raises(EnvironmentProblem, match="the cluster has no Kueue"):
            KubernetesEngine().check(replace(ORDER, queue="gpus"))
    finally:
        bare.close()


def test_a_cluster_that_is_gone_is_unreachable_not_an_error(server: ApiServer) -> None:
    engine = KubernetesEngine()
    job = engine.submit(ORDER)
    server.close()
    status = engine.status(job)
    assert status.state is EngineState.UNREACHABLE
    assert status.why is not None and "refused" in status.why
    with pytest.raises(EnvironmentProblem, match="kubectl: "):
        engine.check(ORDER)
