"""Orders as Kubernetes' documents, and Kubernetes' documents as words."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from runner.engines import kubernetes_manifest as manifest
from runner.engines.engine import EngineState, EngineStatus, Order
from runner.engines.kubernetes import KubernetesEngine
from runner.engines.kubernetes_words import told
from runner.errors import RunnerError, SpecError

SCHEMA = json.loads(Path(__file__).with_name("kubernetes_schema.json").read_text())
DEFINITIONS = {"Job": "io.k8s.api.batch.v1.Job", "Service": "io.k8s.api.core.v1.Service"}
PLAIN = Order(name="tutor-1", command=("runner", "worker", "--root", "s3://bucket/runs/tutor"), image="registry/runner")
FULL = replace(
    PLAIN,
    folder="/shared/runs/tutor",
    environment={"RUNNER_ROOT_KIND": "folder"},
    secret_names=("HF_TOKEN",),
    nodes=2,
    gpus=8,
    cpus=7.5,
    memory=2**34,
    time_limit=3600.2,
    stop_grace=120,
    queue="gpus",
    options={
        "namespace": "team",
        "service_account": "runner",
        "secret": "keys",
        "volumes": [{"claim": "shared", "mount": "/shared"}, {"claim": "data", "mount": "/data", "read_only": True}],
        "node_selector": {"gpu": "h100"},
        "tolerations": [{"key": "gpu", "effect": "NoSchedule"}],
        "priority_class": "low",
        "image_pull_secret": "registry",
        "ttl": 60,
    },
)


def documents(order: Order) -> dict[str, Any]:
    return {each["kind"]: each for each in yaml.safe_load_all(KubernetesEngine().text(order))}


@pytest.mark.parametrize("order", [PLAIN, FULL])
def test_a_manifest_is_what_the_published_api_takes(order: Order) -> None:
    for kind, document in documents(order).items():
        schema = SCHEMA | {"$ref": f"#/definitions/{DEFINITIONS[kind]}"}
        validator = jsonschema.Draft202012Validator(schema)
        validator.validate(document)
        assert not validator.is_valid(document | {"nodes": 2})


def test_a_job_says_everything_that_was_ordered() -> None:
    made = documents(FULL)
    job, service = made["Job"], made["Service"]
    spec, pod = job["spec"], job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert job["metadata"]["namespace"] == "team"
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "gpus"
    assert (spec["suspend"], spec["backoffLimit"], spec["activeDeadlineSeconds"]) == (True, 0, 3601)
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 2, 2)
    assert (pod["restartPolicy"], pod["terminationGracePeriodSeconds"]) == ("Never", 120)
    amounts = {"cpu": "7.5", "memory": "17179869184", "nvidia.com/gpu": "8"}
    assert container["resources"] == {"requests": amounts, "limits": amounts}
    assert container["command"] == list(FULL.command)
    told_of = {each["name"]: each.get("value") or each["valueFrom"] for each in container["env"]}
    assert told_of["HF_TOKEN"] == {"secretKeyRef": {"name": "keys", "key": "HF_TOKEN"}}
    assert told_of["RUNNER_ROOT_KIND"] == "folder"
    assert told_of["RUNNER_NODES"] == "2"
    assert told_of["RUNNER_HEAD"] == "runner-tutor-1-0.runner-tutor-1:29500"
    assert "job-completion-index" in told_of["RUNNER_NODE_RANK"]["fieldRef"]["fieldPath"]
    assert (pod["subdomain"], service["metadata"]["name"]) == ("runner-tutor-1", "runner-tutor-1")
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"] == {"job-name": "runner-tutor-1"}
    mounts = {each["mountPath"]: each.get("readOnly", False) for each in container["volumeMounts"]}
    assert (mounts["/shared"], mounts["/data"]) == (False, True)
    assert pod["nodeSelector"] == {"gpu": "h100"}
    assert pod["tolerations"] == [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert (pod["priorityClassName"], pod["imagePullSecrets"]) == ("low", [{"name": "registry"}])
    assert pod["serviceAccountName"] == "runner"
    assert spec["ttlSecondsAfterFinished"] == 60


def test_faults_of_the_user_fail_the_job_and_the_clusters_own_deeds_do_not() -> None:
    ignored, failed = documents(PLAIN)["Job"]["spec"]["podFailurePolicy"]["rules"]
    assert (ignored["action"], ignored["onPodConditions"][0]["type"]) == ("Ignore", "DisruptionTarget")
    assert (failed["action"], failed["onExitCodes"]["values"]) == ("FailJob", [2, 3, 4, 5])


def test_a_pod_may_do_nothing_but_train() -> None:
    pod = documents(PLAIN)["Job"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]) == (True, 1000)
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    writable = {each["mountPath"] for each in container["volumeMounts"]}
    assert writable == {"/scratch", "/tmp", "/dev/shm"}
    values = {each["name"]: each["value"] for each in container["env"]}
    assert (values["HOME"], values["RUNNER_CACHE_DIR"]) == ("/scratch", "/scratch/cache")


def test_no_value_of_a_secret_is_in_a_manifest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_made_up")
    assert "hf_made_up" not in KubernetesEngine().text(FULL)


@pytest.mark.parametrize(
    ("options", "pointer", "words"),
    [
        ({"namespase": "team"}, "/run/engine/options/namespase", "namespace"),
        ({"volumes": [{"claim": "shared"}]}, "/run/engine/options/volumes/0", "`mount` is missing"),
        ({"volumes": [{"claim": "shared", "mount": "shared"}]}, "/run/engine/options/volumes/0/mount", "absolute"),
        ({"user": 0}, "/run/engine/options/user", "at least 1"),
        ({"ttl": "1h"}, "/run/engine/options/ttl", "whole number"),
    ],
)
def test_an_option_that_is_not_known_is_refused_by_its_pointer(
    options: dict[str, Any], pointer: str, words: str
) -> None:
    with pytest.raises(SpecError) as refused:
        KubernetesEngine().check(replace(PLAIN, options=options))
    (fault,) = refused.value.faults
    assert fault.pointer == pointer
    assert words in f"{fault.message} {fault.expected} {fault.hint}"


@pytest.mark.parametrize(
    ("order", "where"),
    [
        (replace(PLAIN, image=None), "/run/image"),
        (replace(PLAIN, secret_names=("HF_TOKEN",)), "/run/engine/options/secret"),
        (replace(PLAIN, folder="/shared/runs/tutor"), "/run/engine/options/volumes"),
    ],
)
def test_what_a_cluster_lacks_is_refused_before_it_is_asked(order: Order, where: str) -> None:
    with pytest.raises(SpecError) as refused:
        KubernetesEngine().check(order)
    assert [fault.pointer for fault in refused.value.faults] == [where]


def test_all_that_a_cluster_lacks_is_told_at_once() -> None:
    with pytest.raises(SpecError) as refused:
        KubernetesEngine().text(replace(PLAIN, image=None, folder="/shared/runs/tutor"))
    assert [fault.pointer for fault in refused.value.faults] == ["/run/image", "/run/engine/options/volumes"]


def test_a_machine_without_kubectl_is_told_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RunnerError, match="kubectl is not here"):
        KubernetesEngine().check(PLAIN)
    status = KubernetesEngine().status("team/runner-tutor-1")
    assert status.state is EngineState.UNREACHABLE


def test_names_are_the_clusters_and_no_two_become_one() -> None:
    assert manifest.job_name("tutor-1") == "runner-tutor-1"
    others = ["Tutor-1", "tutor_1", "9" * 63, "9" * 62 + "8"]
    made = {manifest.job_name(name) for name in others}
    assert len(made) == len(others)
    for name in made:
        assert len(name) <= 52
        assert name[0].isalpha() and name.replace("-", "").isalnum() and name == name.lower()


def failed(reason: str, message: str = "") -> dict[str, Any]:
    return {"status": {"conditions": [{"type": "Failed", "status": "True", "reason": reason, "message": message}]}}


def pod(phase: str, **status: Any) -> dict[str, Any]:
    return {"status": {"phase": phase} | status}


def ended(code: int, reason: str = "Error") -> dict[str, Any]:
    return {"containerStatuses": [{"state": {"terminated": {"exitCode": code, "reason": reason}}}]}


ACTIVE: dict[str, Any] = {"status": {"active": 1}}
DISRUPTED = {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler", "message": "preempted"}
UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node has 8 GPUs"}
NO_IMAGE = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image: registry/runner"}}}
PREPARING = {"state": {"waiting": {"reason": "ContainerCreating", "message": "x"}}}
BY_CODE = "Container run for pod team/tutor failed with exit code 3 matching FailJob rule at index 1"


@pytest.mark.parametrize(
    ("job", "pods", "status"),
    [
        (
            {"status": {"conditions": [{"type": "Complete", "status": "True"}]}},
            [],
            EngineStatus(EngineState.ENDED, exit_code=0),
        ),
        (ACTIVE, [pod("Running")], EngineStatus(EngineState.RUNNING)),
        (ACTIVE, [pod("Pending")], EngineStatus(EngineState.PENDING, "Pending: no node has taken it yet")),
        (
            ACTIVE,
            [pod("Pending", conditions=[UNSCHEDULABLE])],
            EngineStatus(EngineState.PENDING, "Unschedulable: no node has 8 GPUs"),
        ),
        (
            ACTIVE,
            [pod("Running"), pod("Pending", containerStatuses=[NO_IMAGE])],
            EngineStatus(EngineState.PENDING, "ImagePullBackOff: no such image: registry/runner"),
        ),
        (
            ACTIVE,
            [pod("Pending", containerStatuses=[PREPARING])],
            EngineStatus(EngineState.PENDING, "ContainerCreating"),
        ),
        ({"status": {}}, [], EngineStatus(EngineState.PENDING, "its pods are not made yet")),
        (
            {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}},
            [pod("Running")],
            EngineStatus(EngineState.RUNNING, "being stopped"),
        ),
        (
            failed("BackoffLimitExceeded"),
            [pod("Failed", **ended(137, "OOMKilled"))],
            EngineStatus(EngineState.ENDED, "out of memory (OOMKilled)", 137),
        ),
        (
            failed("PodFailurePolicy", BY_CODE),
            [pod("Failed", **ended(3))],
            EngineStatus(EngineState.ENDED, BY_CODE, 3),
        ),
        (
            failed("DeadlineExceeded"),
            [],
            EngineStatus(EngineState.ENDED, "its lifetime has passed (DeadlineExceeded)", 124),
        ),
        (
            failed("BackoffLimitExceeded"),
            [pod("Failed", reason="Evicted", message="the node was low on memory")],
            EngineStatus(
                EngineState.ENDED,
                "taken away by the cluster (Evicted): the node was low on memory",
                interrupted=True,
            ),
        ),
        (
            {"status": {}},
            [pod("Failed", conditions=[DISRUPTED], **ended(75))],
            EngineStatus(
                EngineState.PENDING,
                "taken away by the cluster (PreemptionByScheduler): preempted: it is started again",
                interrupted=True,
            ),
        ),
    ],
)
def test_what_a_cluster_says_is_told_in_words(job: Any, pods: list[Any], status: EngineStatus) -> None:
    assert told(job, pods) == status
