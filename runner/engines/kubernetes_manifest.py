"""An order as Kubernetes' own documents: a Job, and for several nodes the Service that they find each other by.

A pod is never started again by its own node (``restartPolicy: Never``), nor by the Job (``backoffLimit: 0``): retries
are counted in the run's directory. The one exception costs none: a pod that the cluster itself took away
(``DisruptionTarget``) is replaced.
"""

from __future__ import annotations

import hashlib
import math
import re
from typing import Any

from runner.engines import node_variables
from runner.engines.engine import Order
from runner.engines.kubernetes_options import KubernetesOptions, Toleration, Volume
from runner.errors import ExitCode

#: The container of a pod that runs the entry.
CONTAINER = "run"
#: The writable folder of a pod that has no volume, beside /tmp and shared memory. It goes with the pod.
SCRATCH = "/scratch"
#: By Kueue: which of its queues a Job waits in.
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
#: The user's faults: another try would meet them again.
FAULTS = (ExitCode.USAGE, ExitCode.SPEC_INVALID, ExitCode.DATA, ExitCode.NOT_FOUND_OR_CONFLICT)
#: A pod's host name is the Job's name and its number, at most 63 characters together.
_LONGEST = 52
_INDEX = "metadata.annotations['batch.kubernetes.io/job-completion-index']"


def job_name(name: str) -> str:
    """An order's name as a cluster takes one: small letters, digits and hyphens, a letter first, at most 52. One that
    has to be changed has a hash of what it was, so that no two become one."""
    made = f"runner-{name}"
    plain = re.sub(r"[^a-z0-9-]+", "-", made.lower()).strip("-")
    if plain == made and len(plain) <= _LONGEST:
        return plain
    return f"{plain[: _LONGEST - 9].rstrip('-')}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def job(order: Order, options: KubernetesOptions) -> dict[str, Any]:
    """The Job (``batch/v1``) of an order."""
    name = job_name(order.name)
    spec: dict[str, Any] = {
        "backoffLimit": 0,
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": {
            "rules": [
                {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                {
                    "action": "FailJob",
                    "onExitCodes": {
                        "containerName": CONTAINER,
                        "operator": "In",
                        "values": [int(code) for code in FAULTS],
                    },
                },
            ]
        },
        "ttlSecondsAfterFinished": options.ttl,
        "template": {"metadata": {"labels": _labels(name)}, "spec": _pod(order, options)},
    }
    if order.time_limit is not None:
        spec["activeDeadlineSeconds"] = math.ceil(order.time_limit)
    if order.nodes > 1:
        spec |= {"completionMode": "Indexed", "completions": order.nodes, "parallelism": order.nodes}
    labels = _labels(name)
    if order.queue is not None:
        # Kueue lets it begin when there is room.
        spec["suspend"] = True
        labels |= {QUEUE_LABEL: order.queue}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": _named(name, options, labels), "spec": spec}


def service(order: Order, options: KubernetesOptions, owner: str | None = None) -> dict[str, Any] | None:
    """The headless Service by which several nodes find the first, or None for one node. ``owner`` is the Job's uid:
    the Service goes when the Job goes."""
    if order.nodes == 1:
        return None
    name = job_name(order.name)
    metadata = _named(name, options, _labels(name))
    if owner is not None:
        metadata["ownerReferences"] = [{"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": owner}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {
            "clusterIP": "None",
            "selector": {"job-name": name},
            # They have to find the first one before it is ready: that is what makes it ready.
            "publishNotReadyAddresses": True,
            "ports": [{"name": "head", "port": node_variables.PORT}],
        },
    }


def _named(name: str, options: KubernetesOptions, labels: dict[str, str]) -> dict[str, Any]:
    return {"name": name, "labels": labels} | ({"namespace": options.namespace} if options.namespace else {})


def _labels(name: str) -> dict[str, str]:
    return {"app.kubernetes.io/managed-by": "runner", "app.kubernetes.io/instance": name}


def _pod(order: Order, options: KubernetesOptions) -> dict[str, Any]:
    user = options.user
    pod: dict[str, Any] = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": math.ceil(order.stop_grace),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": user,
            "fsGroup": user,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(order, options)],
        "volumes": [
            {"name": "scratch", "emptyDir": {}},
            {"name": "tmp", "emptyDir": {}},
            {"name": "shm", "emptyDir": {"medium": "Memory"}},
            *(
                {"name": f"volume-{number}", "persistentVolumeClaim": _claim(volume)}
                for number, volume in enumerate(options.volumes)
            ),
        ],
    }
    if order.nodes > 1:
        pod["subdomain"] = job_name(order.name)
    if options.service_account:
        pod["serviceAccountName"] = options.service_account
    if options.node_selector:
        pod["nodeSelector"] = dict(options.node_selector)
    if options.tolerations:
        pod["tolerations"] = [_toleration(each) for each in options.tolerations]
    if options.priority_class:
        pod["priorityClassName"] = options.priority_class
    if options.image_pull_secret:
        pod["imagePullSecrets"] = [{"name": options.image_pull_secret}]
    return pod


def _claim(volume: Volume) -> dict[str, Any]:
    return {"claimName": volume.claim} | ({"readOnly": True} if volume.read_only else {})


def _toleration(toleration: Toleration) -> dict[str, Any]:
    return {name: value for name, value in toleration.model_dump().items() if value is not None}


def _container(order: Order, options: KubernetesOptions) -> dict[str, Any]:
    amounts = {}
    if order.cpus is not None:
        amounts["cpu"] = f"{order.cpus:g}"
    if order.memory is not None:
        amounts["memory"] = str(order.memory)
    if order.gpus:
        amounts[options.gpu_resource] = str(order.gpus)
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": order.image,
        "command": list(order.command),
        "env": _environment(order, options),
        # The log's end is told where a container left no word of its own.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "privileged": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "scratch", "mountPath": SCRATCH},
            # The pod's own, which are empty and go with it.
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
            {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108
            *(
                {"name": f"volume-{number}", "mountPath": volume.mount}
                | ({"readOnly": True} if volume.read_only else {})
                for number, volume in enumerate(options.volumes)
            ),
        ],
    }
    if amounts:
        container["resources"] = {"requests": amounts, "limits": dict(amounts)}
    return container


def _environment(order: Order, options: KubernetesOptions) -> list[dict[str, Any]]:
    plain = {"HOME": SCRATCH, "RUNNER_CACHE_DIR": f"{SCRATCH}/cache"} | dict(order.environment)
    name = job_name(order.name)
    if order.nodes > 1:
        head = f"{name}-0.{name}:{node_variables.PORT}"
        plain |= {node_variables.NODES: str(order.nodes), node_variables.HEAD: head}
    made: list[dict[str, Any]] = [{"name": each, "value": value} for each, value in sorted(plain.items())]
    if order.nodes > 1:
        made.append({"name": node_variables.NODE_RANK, "valueFrom": {"fieldRef": {"fieldPath": _INDEX}}})
    made += [
        {"name": each, "valueFrom": {"secretKeyRef": {"name": options.secret, "key": each}}}
        for each in order.secret_names
    ]
    return made
