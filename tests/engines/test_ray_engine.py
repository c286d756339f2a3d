"""The engine of Ray: what it sends, what it makes of answers, what it refuses."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.engines.engine import EngineState, EngineStatus, Order
from runner.engines.ray_cluster import TOKEN, TOKEN_FILE
from runner.engines.ray_jobs import RayEngine
from runner.engines.ray_options import ADDRESS_VARIABLES, address_of
from runner.errors import EnvironmentProblem, SpecError
from tests.engines.ray_dashboard import Dashboard

LOST = (
    "Job supervisor actor died: The actor died unexpectedly before finishing this task.\n\tclass_name: JobSupervisor\n"
    "The actor died because its node has died. Node Id: 7a17\n"
    "\tthe actor's node was terminated unexpectedly: health check failed due to missing too many heartbeats"
)


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*ADDRESS_VARIABLES, TOKEN):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(TOKEN_FILE, str(tmp_path / "no-token"))


@pytest.fixture
def dashboard() -> Iterator[Dashboard]:
    opened = Dashboard()
    yield opened
    opened.close()


def order(dashboard: Dashboard | None = None, **fields: Any) -> Order:
    options = ({"address": dashboard.address} if dashboard else {}) | fields.pop("options", {})
    return Order("run-0001", ("/opt/python", "-m", "runner", "worker", "--root", "/a b/c"), options=options, **fields)


def test_what_is_asked_for_is_what_ray_keeps_for_the_entry_command(dashboard: Dashboard) -> None:
    dashboard.answers["POST /api/jobs/"] = (200, {"submission_id": "run-0001"})
    asked = order(
        dashboard, cpus=4.0, gpus=2, memory=2**33, environment={"HF_HOME": "/hf"}, stop_grace=90.5,
        options={"resources": {"trainer": 1}, "labels": {"zone": "a"}},
    )  # fmt: skip
    assert RayEngine().submit(asked) == f"{dashboard.address}/#/jobs/run-0001"
    [(_, body)] = dashboard.posted()
    needs = json.loads(body.pop("metadata")["needs"])
    assert needs == {"CPU": 4.0, "GPU": 2, "memory": 2**33, "trainer": 1.0}
    assert body == {
        "submission_id": "run-0001",
        "entrypoint": "exec /opt/python -m runner worker --root '/a b/c'",
        "entrypoint_num_cpus": 4.0,
        "entrypoint_num_gpus": 2,
        "entrypoint_memory": 2**33,
        "entrypoint_resources": {"trainer": 1},
        "entrypoint_label_selector": {"zone": "a"},
        # Ray waits that long between SIGTERM and SIGKILL; 3 seconds otherwise.
        "runtime_env": {"env_vars": {"HF_HOME": "/hf", "RAY_JOB_STOP_WAIT_TIME_S": "91"}},
    }


def test_a_job_that_asks_for_nothing_has_a_cpu_so_that_it_is_not_put_on_the_head() -> None:
    assert '"entrypoint_num_cpus": 1' in RayEngine().text(order())


def test_the_text_is_the_request_as_curl_sends_it(dashboard: Dashboard) -> None:
    text = RayEngine().text(order(dashboard))
    assert text.startswith(f"curl -X POST {dashboard.address}/api/jobs/ -d @- <<'JSON'\n{{")
    assert text.endswith("}\nJSON\n")


def test_an_order_that_waits_or_runs_is_not_submitted_again(dashboard: Dashboard) -> None:
    job = dashboard.knows("run-0001", status="PENDING")
    assert RayEngine().submit(order(dashboard)) == job
    assert dashboard.posted() == []


def test_an_order_whose_job_has_ended_is_submitted_under_the_next_name(dashboard: Dashboard) -> None:
    dashboard.knows("run-0001", status="FAILED")
    dashboard.knows("run-0001-2", status="STOPPED")
    dashboard.answers["POST /api/jobs/"] = (200, {"submission_id": "run-0001-3"})
    assert RayEngine().submit(order(dashboard)).endswith("/#/jobs/run-0001-3")
    assert dashboard.posted()[0][1]["submission_id"] == "run-0001-3"


def test_a_cluster_that_refuses_a_job_is_quoted_by_its_last_line(dashboard: Dashboard) -> None:
    dashboard.answers["POST /api/jobs/"] = (400, "Traceback (most recent call last):\n  File ...\nValueError: no\n.\n")
    with pytest.raises(EnvironmentProblem, match=r"refuses \(400\): ValueError: no$"):
        RayEngine().submit(order(dashboard))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"status": "RUNNING"}, EngineStatus(EngineState.RUNNING)),
        ({"status": "SUCCEEDED", "driver_exit_code": 0}, EngineStatus(EngineState.ENDED, exit_code=0)),
        (
            {"status": "FAILED", "driver_exit_code": 3, "error_type": "JOB_ENTRYPOINT_COMMAND_ERROR"},
            EngineStatus(EngineState.ENDED, "the entry command ended with code 3", 3),
        ),
        (
            {"status": "FAILED", "driver_exit_code": 75, "error_type": "JOB_ENTRYPOINT_COMMAND_ERROR"},
            EngineStatus(EngineState.ENDED, "it was asked to stop", 75, interrupted=True),
        ),
        (
            {"status": "STOPPED"},
            EngineStatus(EngineState.ENDED, "it was stopped by Ray, as somebody asked", interrupted=True),
        ),
        (
            {"status": "FAILED", "message": LOST, "error_type": "JOB_SUPERVISOR_ACTOR_DIED"},
            EngineStatus(
                EngineState.ENDED,
                "its node was lost: the actor's node was terminated unexpectedly: health check failed due to missing "
                "too many heartbeats",
                interrupted=True,
            ),
        ),
        (
            {
                "status": "FAILED",
                "message": "Job supervisor actor died: Task was killed due to the node running low on memory.",
                "error_type": "JOB_SUPERVISOR_ACTOR_DIED",
            },
            EngineStatus(EngineState.ENDED, "its node ran out of memory, and Ray ended it"),
        ),
        (
            {"status": "FAILED", "message": "runtime_env setup failed: no", "error_type": "RUNTIME_ENV_SETUP_FAILURE"},
            EngineStatus(EngineState.ENDED, "runtime_env setup failed: no"),
        ),
        (
            {
                "status": "FAILED",
                "message": "Job supervisor actor failed to start within 900 seconds.",
                "error_type": "JOB_SUPERVISOR_ACTOR_START_TIMEOUT",
                "metadata": {"needs": '{"CPU": 1, "GPU": 8}'},
            },
            EngineStatus(
                EngineState.ENDED,
                "no node had what it asks for in the time that the head waits (RAY_JOB_START_TIMEOUT_SECONDS there): "
                "it waits for a node with 1 CPU and 8 GPUs free",
                interrupted=True,
            ),
        ),
    ],
    ids=["running", "done", "failed", "asked", "stopped", "node", "memory", "environment", "timeout"],
)
def test_what_a_cluster_says_of_a_job_in_plain_words(
    dashboard: Dashboard, facts: dict[str, Any], expected: EngineStatus
) -> None:
    assert RayEngine().status(dashboard.knows("a", **facts)) == expected


@pytest.mark.parametrize(
    ("nodes", "why"),
    [
        ([{"CPU": [0.0, 4.0], "GPU": [1.0, 2.0]}, {"CPU": [0.0, 64.0]}],
         "no node has 8 GPUs: the most that one has is 2 GPUs"),
        ([{"CPU": [0.0, 4.0], "GPU": [0.0, 8.0]}, {"CPU": [0.0, 64.0]}], "no node has 16 CPUs and 8 GPUs"),
        ([{"CPU": [9.0, 64.0], "GPU": [8.0, 8.0]}], "it waits for a node with 16 CPUs and 8 GPUs free"),
        (None, "it waits for a node with 16 CPUs and 8 GPUs free"),
    ],
    ids=["too-few", "nowhere-together", "busy", "unknown"],
)  # fmt: skip
def test_why_a_job_waits(dashboard: Dashboard, nodes: Any, why: str) -> None:
    if nodes is not None:
        usage = {str(at): node for at, node in enumerate(nodes)}
        document = {"data": {"clusterStatus": {"loadMetricsReport": {"usageByNode": usage}}}}
        dashboard.answers["GET /api/cluster_status"] = (200, document)
    job = dashboard.knows("a", status="PENDING", metadata={"needs": '{"CPU": 16, "GPU": 8}'})
    assert RayEngine().status(job) == EngineStatus(EngineState.PENDING, why)


def test_a_job_that_the_head_has_forgotten_is_unknown_and_a_head_that_is_gone_is_unreachable(
    dashboard: Dashboard,
) -> None:
    assert RayEngine().status(f"{dashboard.address}/#/jobs/other").state is EngineState.UNKNOWN
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        found = RayEngine().status(f"{gone}/#/jobs/other")
        assert found.state is EngineState.UNREACHABLE
        assert "does not answer" in (found.why or "")
        assert RayEngine().words(f"{gone}/#/jobs/other") == ""
        with pytest.raises(EnvironmentProblem) as caught:
            RayEngine().check(order(options={"address": gone}))
        assert caught.value.retryable
        assert caught.value.where == f"/run/engine/options/address: {gone}"


def test_words_are_the_end_of_the_output_and_cancel_asks_ray(dashboard: Dashboard) -> None:
    job = dashboard.knows("a")
    dashboard.answers["GET /api/jobs/a/logs"] = (200, {"logs": "x" * 70_000 + "end"})
    assert RayEngine().words(job) == "x" * 65_533 + "end"
    dashboard.answers["POST /api/jobs/a/stop"] = (200, {"stopped": True})
    RayEngine().cancel(job)
    RayEngine().cancel(f"{dashboard.address}/#/jobs/forgotten")
    assert [what for what, _ in dashboard.posted()] == ["POST /api/jobs/a/stop", "POST /api/jobs/forgotten/stop"]


def test_nobody_waits_for_a_cancelled_job_that_has_no_node(dashboard: Dashboard) -> None:
    job = dashboard.knows("a", status="PENDING")
    dashboard.answers["POST /api/jobs/a/stop"] = (200, {"stopped": True})
    engine = RayEngine()
    assert engine.status(job).state is EngineState.PENDING
    engine.cancel(job)
    why = "it was cancelled while it waited for a node"
    assert engine.status(job) == EngineStatus(EngineState.ENDED, why, interrupted=True)


def test_a_token_is_sent_as_rays_own_commands_send_it(
    dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "no-token").write_text("of-the-file\n")
    RayEngine().check(order(dashboard))
    monkeypatch.setenv(TOKEN, "of-the-variable")
    RayEngine().check(order(dashboard))
    sent = [headers.get("authorization") for _, headers, _ in dashboard.asked]
    assert sent == ["Bearer of-the-file", "Bearer of-the-variable"]
    assert "of-the-variable" not in RayEngine().text(order(dashboard))
    dashboard.answers["GET /api/version"] = (401, "Unauthorized: Missing authentication token")
    with pytest.raises(EnvironmentProblem, match="asks for a token"):
        RayEngine().check(order(dashboard))


def test_what_is_no_dashboard_of_ray_is_told_from_one(dashboard: Dashboard) -> None:
    for answer in ((404, "not here"), (200, "<html>"), (200, {"version": "1"})):
        dashboard.answers["GET /api/version"] = answer
        with pytest.raises(EnvironmentProblem, match="no dashboard of Ray"):
            RayEngine().check(order(dashboard))


def test_the_address_is_the_options_else_what_rays_own_commands_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert address_of({}) == "http://127.0.0.1:8265"
    monkeypatch.setenv("RAY_ADDRESS", "https://head/ray/")
    assert address_of({}) == "https://head/ray"
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", "http://other:1")
    assert address_of({}) == "http://other:1"
    assert address_of({"address": "http://mine:2"}) == "http://mine:2"
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", "ray://head:10001")
    with pytest.raises(EnvironmentProblem, match="RAY_API_SERVER_ADDRESS is no address of a dashboard"):
        address_of({})


@pytest.mark.parametrize(
    ("fields", "pointer", "words"),
    [
        ({"options": {"adress": "local"}}, "/run/engine/options/adress", "did you mean 'address'?"),
        ({"options": {"a/b": 1}}, "/run/engine/options/a~1b", "there are: address, "),
        ({"options": {"working_dir": "."}}, "/run/engine/options/working_dir", "no folder is sent there"),
        ({"options": {"address": "head:6379"}}, "/run/engine/options/address", "of the cluster's dashboard"),
        ({"options": {"address": "http://me:pw@head"}}, "/run/engine/options/address", "of the cluster's dashboard"),
        ({"options": {"resources": {"x": 0}}}, "/run/engine/options/resources", "amounts"),
        ({"options": {"labels": {"x": 1}}}, "/run/engine/options/labels", "labels that the node has"),
        ({"options": {"secrets": True}}, "/run/engine/options/secrets", "on_nodes"),
        ({"options": {"program": "ray", "address": "local"}}, "/run/engine/options/program", "absolute path"),
        ({"options": {"program": "/ray"}}, "/run/engine/options/program", "for a head on this machine"),
        ({"options": {"secrets": "on_nodes", "address": "local"}}, "/run/engine/options/secrets", "has this machine's"),
        ({"nodes": 2}, "/run/engine/nodes", "on one node"),
        ({"image": "a:b"}, "/run/image", "starts no container"),
        ({"queue": "gpu"}, "/run/engine/queue", "no queues"),
        ({"time_limit": 5.0}, "/run/engine/lifetime", "by the clock"),
        ({"secret_names": ("HF_TOKEN",)}, "/run/env", "value of a secret is not sent"),
    ],
)  # fmt: skip
def test_what_ray_cannot_do_is_refused_by_its_pointer(fields: dict[str, Any], pointer: str, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        RayEngine().check(order(**fields))
    [fault] = caught.value.faults
    assert fault.pointer == pointer
    assert words in fault.message
    assert fault.hint or fault.expected
    assert "pw" not in fault.message


def test_secrets_that_the_nodes_have_are_not_sent(dashboard: Dashboard) -> None:
    asked = order(dashboard, secret_names=("HF_TOKEN",), options={"secrets": "on_nodes"})
    RayEngine().check(asked)
    assert "HF_TOKEN" not in RayEngine().text(asked)


def test_a_head_on_this_machine_takes_the_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentProblem, match="no program ray on this machine") as caught:
        RayEngine().check(order(options={"address": "local"}))
    assert caught.value.where == "/run/engine/options/address"
    with pytest.raises(EnvironmentProblem) as caught:
        RayEngine().check(order(options={"address": "local", "program": "/nowhere/ray"}))
    assert caught.value.where == "/run/engine/options/program"
