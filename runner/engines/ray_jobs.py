"""Ray: a run as a job of a Ray cluster that is there already, or of a head on this machine.

The job is submitted over the REST interface of Ray Jobs, so that the submitter needs no Ray, and nothing is pickled.
The nodes have Runner: no folder is sent there, and nothing is installed for one run. What is asked for
(``run.cpus``, ``run.gpus``, ``run.memory``) is what Ray keeps for the entry command, which therefore runs where that is
free: a job that asks for nothing would run on the head.

Ray gives a job that is asked to stop 3 seconds before it kills it, too little for a checkpoint. How long it waits is
read from the job's own environment (``RAY_JOB_STOP_WAIT_TIME_S``), so a job is submitted with its ``stop_grace`` there.
Ray starts a job once, and knows of it as long as its head lives: whether a run is begun again is decided from the run's
directory.
"""

from __future__ import annotations

import json
import math
import shlex
import shutil
from typing import Any

from runner.engines.engine import EngineState, EngineStatus, Order
from runner.engines.ray_cluster import RayCluster, Refused, token_here
from runner.engines.ray_head import WORDS, RayHead, end_marked
from runner.engines.ray_options import LOCAL, POINTER, address_of, faults
from runner.errors import EnvironmentProblem, ExitCode, SpecError

#: Ends of a job that are the cluster's doing: nothing is wrong with the run.
_LOST = {"JOB_SUPERVISOR_ACTOR_DIED", "JOB_SUPERVISOR_ACTOR_UNKNOWN_FAILURE", "JOB_SUPERVISOR_ACTOR_START_TIMEOUT"}
_ENDED = {"SUCCEEDED", "FAILED", "STOPPED"}


class RayEngine:
    """Ray Jobs. An id of a job is the address of its page on the dashboard, or ``local:NAME``."""

    name = "ray"

    def __init__(self) -> None:
        #: Jobs that were asked to stop here.
        self._let_go: set[str] = set()

    def check(self, order: Order) -> None:
        """Raise :class:`SpecError` for what Ray cannot do, by its pointer; :class:`EnvironmentProblem` for a cluster
        that does not answer, and for a machine without Ray where the head would be here."""
        if found := faults(order):
            raise SpecError(found)
        if address_of(order.options) == LOCAL:
            _program(order)
            return
        RayCluster(address_of(order.options)).version()

    def text(self, order: Order) -> str:
        """The request as ``curl`` would send it; with a head on this machine, what starts that.

        Raises :class:`SpecError` for what Ray cannot do, by its pointer.
        """
        if found := faults(order):
            raise SpecError(found)
        address = address_of(order.options)
        lines = []
        if address == LOCAL:
            lines.append("ray start --head --disable-usage-stats --dashboard-host=127.0.0.1")
            address = "http://127.0.0.1:8265"
        token = ' -H "Authorization: Bearer $RAY_AUTH_TOKEN"' if token_here() else ""
        lines += [
            f"curl -X POST {address}/api/jobs/{token} -d @- <<'JSON'",
            json.dumps(request(order), indent=2),
            "JSON",
        ]
        return "\n".join(lines) + "\n"

    def submit(self, order: Order) -> str:
        """Submit, and return the job's id. The cluster itself refuses a second job of a name, which settles a race; a
        job of that name that has ended makes way to ``NAME-2``.

        Raises :class:`EnvironmentProblem`.
        """
        if address_of(order.options) != LOCAL:
            cluster = RayCluster(address_of(order.options))
            return _page(cluster, _submitted(cluster, order))
        head, program = RayHead(order.name), _program(order)
        head.start(program)
        if self.status(f"{LOCAL}:{order.name}").state is EngineState.ENDED:
            # Its job has ended a moment ago, and the head goes with it.
            head.wait_until_over()
            head.start(program)
        _submitted(_answering(head), order)
        return f"{LOCAL}:{order.name}"

    def status(self, job: str) -> EngineStatus:
        """What the cluster says of a job, and why. Raises nothing."""
        head = _head(job)
        if head is not None and (end := head.end()) is not None:
            return _status(end, None) if end.get("status") in _ENDED else _GONE
        try:
            cluster, name = _cluster(job)
            found = cluster.job(name)
        except EnvironmentProblem as problem:
            if head is not None and not head.kept():
                return _GONE
            return EngineStatus(EngineState.UNREACHABLE, problem.message)
        except Refused as refused:
            return EngineStatus(EngineState.UNREACHABLE, f"the Ray cluster answers {refused.status}: {refused.told}")
        if found is None:
            why = "the Ray cluster knows no such job: its head was started anew, or the job was deleted"
            return EngineStatus(EngineState.UNKNOWN, why)
        if found.get("status") == "PENDING" and job in self._let_go:
            # Nobody has to wait for it: see `cancel`.
            return EngineStatus(EngineState.ENDED, "it was cancelled while it waited for a node", interrupted=True)
        return _status(found, cluster)

    def words(self, job: str) -> str:
        """The end of the job's output, as far as its node still has it."""
        head = _head(job)
        if head is not None and (end := head.end()) is not None:
            return str(end.get("words") or "")
        try:
            cluster, name = _cluster(job)
            return _tail(cluster.log(name))
        except (EnvironmentProblem, Refused):
            return ""

    def cancel(self, job: str) -> None:
        """Ask a job to stop: Ray sends SIGTERM to all of its processes, and kills them when the ``stop_grace`` that
        the job was submitted with is over. Ray cannot stop a job that waits for a node before it has one; it is stopped
        then, or finds the run's own mark and ends at once. From now on its status here is that it has ended.

        Raises :class:`EnvironmentProblem` where the cluster does not answer."""
        head = _head(job)
        if head is not None and (head.end() is not None or not head.kept()):
            # What a keeper left that was killed.
            end_marked(str(head.folder))
            return
        cluster, name = _cluster(job)
        try:
            cluster.stop(name)
            self._let_go.add(job)
        except Refused as refused:
            raise _problem(refused, cluster.address) from refused


def request(order: Order) -> dict[str, Any]:
    """The body of ``POST /api/jobs/`` for an order."""
    needs: dict[str, float] = {
        "CPU": order.cpus or 1,
        **{k: float(v) for k, v in order.options.get("resources", {}).items()},
    }
    body: dict[str, Any] = {
        "submission_id": order.name,
        # The shell that Ray starts becomes the entry command: signals reach it, and its exit code is the job's.
        "entrypoint": f"exec {shlex.join(order.command)}",
        "entrypoint_num_cpus": needs["CPU"],
        "runtime_env": {
            "env_vars": {**order.environment, "RAY_JOB_STOP_WAIT_TIME_S": str(math.ceil(order.stop_grace))}
        },
    }
    if order.gpus:
        body["entrypoint_num_gpus"] = needs["GPU"] = order.gpus
    if order.memory is not None:
        body["entrypoint_memory"] = needs["memory"] = order.memory
    if resources := order.options.get("resources"):
        body["entrypoint_resources"] = dict(resources)
    if labels := order.options.get("labels"):
        body["entrypoint_label_selector"] = dict(labels)
    # Ray does not say what a job that waits has asked for.
    body["metadata"] = {"runner": order.name, "needs": json.dumps(needs)}
    return body


def _submitted(cluster: RayCluster, order: Order) -> str:
    """The name under which the order is at the cluster."""
    body = request(order)
    for attempt in range(1, 1001):
        name = order.name if attempt == 1 else f"{order.name}-{attempt}"
        try:
            known = cluster.job(name)
            if known is None:
                try:
                    cluster.submit(body | {"submission_id": name})
                    return name
                except (EnvironmentProblem, Refused):
                    # Another submitted it in this moment, or the answer was lost on the way back.
                    if (known := cluster.job(name)) is None:
                        raise
        except Refused as refused:
            raise _problem(refused, cluster.address) from refused
        if known.get("status") not in _ENDED:
            return name
    raise EnvironmentProblem("the Ray cluster has a thousand ended jobs of this name", where=order.name)


_GONE = EngineStatus(EngineState.ENDED, "the Ray head on this machine ended before the job did", interrupted=True)


def _status(job: dict[str, Any], cluster: RayCluster | None) -> EngineStatus:
    """A job's document as a status. ``cluster`` is asked what its nodes have, where a job waits."""
    status, code, told = job.get("status"), job.get("driver_exit_code"), str(job.get("message") or "")
    if status == "PENDING":
        return EngineStatus(EngineState.PENDING, _waiting(job, cluster.nodes() if cluster else []))
    if status == "SUCCEEDED":
        return EngineStatus(EngineState.ENDED, exit_code=0)
    if status == "STOPPED":
        return EngineStatus(EngineState.ENDED, "it was stopped by Ray, as somebody asked", interrupted=True)
    if status != "FAILED":
        return EngineStatus(EngineState.RUNNING)
    if isinstance(code, int):
        stopped = code == ExitCode.STOPPED
        why = "it was asked to stop" if stopped else f"the entry command ended with code {code}"
        return EngineStatus(EngineState.ENDED, why, code, interrupted=stopped)
    kind = job.get("error_type")
    if "node has died" in told:
        return EngineStatus(EngineState.ENDED, f"its node was lost: {_last(told)}", interrupted=True)
    if "low on memory" in told or "OutOfMemory" in told:
        return EngineStatus(EngineState.ENDED, "its node ran out of memory, and Ray ended it")
    if kind == "JOB_SUPERVISOR_ACTOR_START_TIMEOUT":
        why = "no node had what it asks for in the time that the head waits (RAY_JOB_START_TIMEOUT_SECONDS there)"
        return EngineStatus(EngineState.ENDED, f"{why}: {_waiting(job, [])}", interrupted=True)
    lost = kind in _LOST or (kind == "JOB_SUPERVISOR_ACTOR_START_FAILURE" and told.startswith("Unexpected error"))
    return EngineStatus(EngineState.ENDED, _last(told) or "Ray does not say why it failed", interrupted=lost)


def _waiting(job: dict[str, Any], nodes: list[dict[str, float]]) -> str:
    """Why a job waits, from what it asked for and what nodes have."""
    try:
        needs: dict[str, float] = json.loads((job.get("metadata") or {})["needs"])
    except (KeyError, TypeError, ValueError):
        return "it waits for a node"
    asked = " and ".join(_amount(name, amount) for name, amount in needs.items())
    for name, amount in needs.items():
        most = max((node.get(name, 0.0) for node in nodes), default=None)
        if most is not None and most < amount:
            return f"no node has {_amount(name, amount)}: the most that one has is {_amount(name, most)}"
    if nodes and not any(all(node.get(name, 0.0) >= amount for name, amount in needs.items()) for node in nodes):
        return f"no node has {asked}"
    return f"it waits for a node with {asked} free"


def _amount(name: str, amount: float) -> str:
    if name == "memory":
        return f"{amount / 2**30:,.1f} GiB of memory"
    plural = "s" if name in ("CPU", "GPU") and amount != 1 else ""
    return f"{amount:g} {name}{plural}"


def _last(told: str) -> str:
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""


def _tail(text: str) -> str:
    """The last 64 KiB of a text."""
    return text.encode()[-WORDS:].decode(errors="ignore")


def _page(cluster: RayCluster, name: str) -> str:
    return f"{cluster.address}/#/jobs/{name}"


def _head(job: str) -> RayHead | None:
    """The head on this machine that a job's id names, None for a cluster's job."""
    place, _, name = job.partition(":")
    return RayHead(name) if place == LOCAL else None


def _cluster(job: str) -> tuple[RayCluster, str]:
    """Where a job is, and its name there. Raises :class:`EnvironmentProblem` for a head that is gone."""
    if (head := _head(job)) is not None:
        return _answering(head), head.submission
    address, _, name = job.rpartition("/#/jobs/")
    return RayCluster(address), name


def _program(order: Order) -> str:
    found = order.options.get("program") or shutil.which("ray")
    if found is None or shutil.which(found) is None:
        raise EnvironmentProblem(
            "there is no program ray on this machine",
            where=f"{POINTER}/{'program' if found else 'address'}",
            hint='pip install "ray[default]" into an environment of its own, and name its program: options.program',
        )
    return str(found)


def _answering(head: RayHead) -> RayCluster:
    cluster = head.cluster()
    if cluster is None:
        raise EnvironmentProblem(
            "the Ray head on this machine is gone", where=f"{POINTER}/address", hint="try again", retryable=True
        )
    return cluster


def _problem(refused: Refused, address: str) -> EnvironmentProblem:
    return EnvironmentProblem(
        f"the Ray cluster refuses ({refused.status}): {refused.told}",
        where=address,
        retryable=refused.status >= 500,
    )
