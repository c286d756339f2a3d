"""What a cluster's documents say of a run, in plain words: its Job, the Job's pods, and Kueue's view of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner.engines.engine import EngineState, EngineStatus

#: A document of the cluster.
Thing = Mapping[str, Any]
#: Why a container waits, where the cluster's own word is not a reason.
_PASSING = frozenset({"ContainerCreating", "PodInitializing"})


def told(job: Thing, pods: Sequence[Thing], workload: Thing | None = None) -> EngineStatus:
    """The status of a Job by its documents."""
    conditions = _true(job)
    spec, status = job.get("spec", {}), job.get("status", {})
    if "Complete" in conditions or "SuccessCriteriaMet" in conditions:
        return EngineStatus(EngineState.ENDED, exit_code=0)
    if failed := conditions.get("Failed") or conditions.get("FailureTarget"):
        return _failed(failed, pods)
    if job.get("metadata", {}).get("deletionTimestamp"):
        return EngineStatus(EngineState.RUNNING, why="being stopped")
    if spec.get("suspend"):
        return EngineStatus(EngineState.PENDING, why=_waiting(workload))
    alive = [pod for pod in pods if _phase(pod) in ("Pending", "Running")]
    if why := next(filter(None, map(_why_pending, alive)), None):
        return EngineStatus(EngineState.PENDING, why=why)
    if any(_phase(pod) == "Running" for pod in alive):
        return EngineStatus(EngineState.RUNNING)
    taken = next(filter(None, map(_taken, pods)), None)
    if taken is not None and not alive:
        return EngineStatus(EngineState.PENDING, why=f"{taken}: it is started again", interrupted=True)
    return EngineStatus(EngineState.PENDING, why=None if status.get("active") else "its pods are not made yet")


def _failed(condition: Thing, pods: Sequence[Thing]) -> EngineStatus:
    reason, message = condition.get("reason", ""), condition.get("message", "")
    if reason == "DeadlineExceeded":
        return EngineStatus(EngineState.ENDED, why="its lifetime has passed (DeadlineExceeded)", exit_code=124)
    taken = next(filter(None, map(_taken, pods)), None)
    if taken is not None:
        return EngineStatus(EngineState.ENDED, why=taken, interrupted=True)
    ends = [end for pod in pods if (end := _end(pod)) is not None and end.get("exitCode")]
    for end in ends:
        if end.get("reason") == "OOMKilled":
            return EngineStatus(EngineState.ENDED, why="out of memory (OOMKilled)", exit_code=137)
    code = ends[0]["exitCode"] if ends else None
    return EngineStatus(EngineState.ENDED, why=message or reason or None, exit_code=code)


def _waiting(workload: Thing | None) -> str:
    if workload is not None:
        for condition in workload.get("status", {}).get("conditions", []):
            if condition.get("type") in ("Evicted", "QuotaReserved", "Admitted"):
                said = condition.get("message")
                if condition.get("type") == "Evicted" and condition.get("status") == "True":
                    return f"taken away by Kueue: {said}"
                if condition.get("status") == "False" and said:
                    return f"waits in Kueue's queue: {said}"
    return "suspended: Kueue has not let it begin"


def _phase(pod: Thing) -> str:
    return str(pod.get("status", {}).get("phase", ""))


def _true(thing: Thing) -> dict[str, Thing]:
    """The conditions that hold, by their types."""
    conditions = thing.get("status", {}).get("conditions") or []
    return {each["type"]: each for each in conditions if each.get("status") == "True"}


def _why_pending(pod: Thing) -> str | None:
    """Why a pod does not run: no node for it, an image that cannot be pulled, a Secret that is not there."""
    for condition in pod.get("status", {}).get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return f"{condition.get('reason') or 'Unschedulable'}: {condition.get('message', '')}".rstrip(": ")
    for container in pod.get("status", {}).get("containerStatuses") or []:
        waiting = container.get("state", {}).get("waiting")
        if waiting is not None:
            reason = waiting.get("reason") or "waiting"
            message = "" if reason in _PASSING else waiting.get("message", "")
            return f"{reason}: {message}".rstrip(": ")
    return "Pending: no node has taken it yet" if _phase(pod) == "Pending" else None


def _taken(pod: Thing) -> str | None:
    """What the cluster did to a pod that did not end by itself."""
    condition = _true(pod).get("DisruptionTarget")
    if condition is not None:
        reason = condition.get("reason") or "DisruptionTarget"
        return f"taken away by the cluster ({reason}): {condition.get('message', '')}".rstrip(": ")
    status = pod.get("status", {})
    if status.get("reason") in ("Evicted", "Preempting", "NodeLost", "Shutdown", "Terminated", "NodeShutdown"):
        return f"taken away by the cluster ({status['reason']}): {status.get('message', '')}".rstrip(": ")
    return None


def _end(pod: Thing) -> Thing | None:
    """How a pod's container ended."""
    for container in pod.get("status", {}).get("containerStatuses") or []:
        ended: Thing | None = container.get("state", {}).get("terminated")
        if ended is not None:
            return ended
    return None
