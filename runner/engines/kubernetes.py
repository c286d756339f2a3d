"""Kubernetes: a run as a Job of a cluster, by ``kubectl``; with Kueue where there is a queue."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from runner.engines import kubernetes_manifest as manifest
from runner.engines import kubernetes_words
from runner.engines.engine import EngineState, EngineStatus, Order
from runner.engines.kubectl import AlreadyThere, Kubectl, NotThere
from runner.engines.kubernetes_options import POINTER, KubernetesOptions, read_options
from runner.errors import EnvironmentProblem, Fault, NotFoundError, RunnerError, SpecError

#: Bytes of a pod's own output that are shown at most.
MOST_WORDS = 64 * 2**10


class KubernetesEngine:
    """Orders as Jobs. An id is ``NAMESPACE/NAME``, and ``NAMESPACE/NAME@CONTEXT`` where a context is named; an empty
    namespace is the context's own."""

    name = "kubernetes"

    def check(self, order: Order) -> None:
        options = read_options(order.options)
        self._check_order(order, options)
        client = Kubectl(options.namespace, options.context)
        try:
            allowed = client.ask("auth", "can-i", "create", "jobs.batch").strip()
        except EnvironmentProblem as error:
            # Where the cluster answers no, the program prints that, and fails.
            if error.message != "kubectl: no":
                raise
            allowed = "no"
        if not allowed.endswith("yes"):
            raise EnvironmentProblem(
                f"the cluster lets you create no Jobs in the namespace {options.namespace or 'of the context'}",
                where=f"{POINTER}/namespace",
                hint="ask its administrator for jobs, pods, pods/log and services there, or name another",
            )
        if order.queue is not None:
            self._check_queue(client, order.queue)

    def text(self, order: Order) -> str:
        import yaml

        options = read_options(order.options)
        self._check_order(order, options)
        documents = [manifest.job(order, options), manifest.service(order, options)]
        return yaml.safe_dump_all([each for each in documents if each], sort_keys=False, width=120)

    def submit(self, order: Order) -> str:
        options = read_options(order.options)
        client, name = Kubectl(options.namespace, options.context), manifest.job_name(order.name)
        job = _id(options, name)
        try:
            there = client.get("job", name)
        except NotThere:
            there = None
        if there is not None:
            if kubernetes_words.told(there, []).state is not EngineState.ENDED:
                return job
            # One that has ended is in the way of the new one, and so are its pods.
            self._delete(client, name, wait=True)
        try:
            made = client.create(manifest.job(order, options))
        except AlreadyThere:
            return job
        service = manifest.service(order, options, made["metadata"]["uid"])
        if service is not None:
            try:
                client.create(service)
            except AlreadyThere:
                pass
            except RunnerError:
                # Without it the nodes never find each other.
                self._delete(client, name, wait=False)
                raise
        return job

    def status(self, job: str) -> EngineStatus:
        client, name = _place(job)
        try:
            there = client.get("job", name)
            pods = client.get("pods", f"--selector=job-name={name}")["items"]
        except NotThere:
            return EngineStatus(EngineState.UNKNOWN, why="the cluster has no such Job")
        except (EnvironmentProblem, ValueError) as error:
            return EngineStatus(EngineState.UNREACHABLE, why=str(error))
        return kubernetes_words.told(there, pods, self._workload(client, there))

    def words(self, job: str) -> str:
        client, name = _place(job)
        try:
            said = client.ask(
                "logs", f"--selector=job-name={name}", f"--container={manifest.CONTAINER}", "--tail=400",
                "--prefix", "--max-log-requests=64", "--ignore-errors",
            )  # fmt: skip
        except (NotThere, EnvironmentProblem):
            # A pod whose container has not begun has no log.
            said = ""
        return said.encode()[-MOST_WORDS:].decode(errors="replace") or (self.status(job).why or "")

    def cancel(self, job: str) -> None:
        client, name = _place(job)
        self._delete(client, name, wait=False)

    def _check_order(self, order: Order, options: KubernetesOptions) -> None:
        found: list[Fault] = []
        if order.image is None:
            found.append(
                Fault(
                    "a cluster starts an image, and none is named",
                    "/run/image",
                    hint="one that it can pull, by its digest at best: registry/runner@sha256:...",
                )
            )
        if order.secret_names and options.secret is None:
            found.append(
                Fault(
                    f"the run needs {', '.join(order.secret_names)}, and no Secret of the cluster is named",
                    f"{POINTER}/secret",
                    hint="make one, with a key by each name: kubectl create secret generic NAME --from-env-file=FILE",
                )
            )
        if order.folder is not None and not any(
            PurePosixPath(order.folder).is_relative_to(volume.mount) for volume in options.volumes
        ):
            found.append(
                Fault(
                    f"{order.folder} is in none of the pod's volumes",
                    f"{POINTER}/volumes",
                    hint='name the claim that holds it: [{"claim": "NAME", "mount": "FOLDER"}], or take an s3:// root',
                )
            )
        if found:
            raise SpecError(found)

    def _check_queue(self, client: Kubectl, queue: str) -> None:
        try:
            client.ask("get", "localqueues.kueue.x-k8s.io", queue, "--output=name")
        except NotThere:
            raise NotFoundError(
                f"the namespace has no queue {queue}",
                where="/run/engine/queue",
                hint="kubectl get localqueues lists them",
            ) from None
        except EnvironmentProblem as error:
            if "resource type" not in error.message:
                raise
            raise EnvironmentProblem(
                "a queue is Kueue's, and the cluster has no Kueue",
                where="/run/engine/queue",
                hint="leave the queue out: the Job begins when a node has room",
            ) from None

    def _workload(self, client: Kubectl, job: Any) -> Any:
        """What Kueue knows of a Job that it holds back."""
        metadata = job["metadata"]
        if not job["spec"].get("suspend") or manifest.QUEUE_LABEL not in metadata.get("labels", {}):
            return None
        selector = f"--selector=kueue.x-k8s.io/job-uid={metadata.get('uid', '')}"
        try:
            found = client.get("workloads.kueue.x-k8s.io", selector)["items"]
        except (NotThere, EnvironmentProblem):
            # It explains, and no more.
            return None
        return found[0] if found else None

    def _delete(self, client: Kubectl, name: str, *, wait: bool) -> None:
        # In the foreground the Job stays to be seen until its last pod is gone.
        words = ("job", name, "--cascade=foreground", f"--wait={str(wait).lower()}", "--ignore-not-found")
        client.ask("delete", *words)


def _id(options: KubernetesOptions, name: str) -> str:
    return f"{options.namespace or ''}/{name}" + (f"@{options.context}" if options.context else "")


def _place(job: str) -> tuple[Kubectl, str]:
    place, _, context = job.partition("@")
    namespace, _, name = place.rpartition("/")
    return Kubectl(namespace or None, context or None), name
