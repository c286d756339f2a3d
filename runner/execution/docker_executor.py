"""The Docker executor: the same worker in a hardened container, its life tied to ours."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from runner.errors import ConflictError, DataError, EnvironmentProblem
from runner.execution import docker_engine as engines
from runner.execution import image_lookup as images
from runner.execution.docker_arguments import (
    RUN_LABEL,
    Container,
    create_arguments,
    describe,
    hub_cache,
    words,
)
from runner.execution.docker_engine import Engine
from runner.execution.executor import Job
from runner.execution.file_ownership import UNPRIVILEGED, check_readable, hand_over
from runner.execution.image_lookup import Image
from runner.execution.running_container import DockerHandle
from runner.execution.secret_files import SecretFiles


class DockerExecutor:
    """Runs jobs as containers of the engine on this machine."""

    name = "docker"

    def __init__(self) -> None:
        self._engine: Engine | None = None

    def engine(self) -> Engine:
        """The engine, asked once. Raises :class:`EnvironmentProblem`."""
        self._engine = self._engine or engines.connect()
        return self._engine

    def check(self, job: Job) -> None:
        """Raise for what is missing before anything starts: engine, permission, image, GPU, a file to mount."""
        found = images.find(job.image, self.engine())
        self._gpus(job, found)
        owner = self._owner()
        for path in job.read_only:
            if not path.exists():
                raise DataError("there is no such file or folder", where=str(path))
            if owner is not None:
                check_readable(path, owner)

    def command(self, job: Job) -> list[str]:
        """``docker run ...``: what :meth:`start` asks of the engine, as a line to type. Asks the engine nothing."""
        secrets = Path("SECRETS_FOLDER") if job.secrets else None
        return words(self._describe(job, job.image or images.tag("cuda"), job.gpus or 0, secrets))

    def start(self, job: Job) -> DockerHandle:
        """Check, start the container, and hold on to it."""
        self.check(job)
        image = images.find(job.image, self.engine())
        owner = self._owner()
        secrets = SecretFiles(job.secrets, owner) if job.secrets else None
        try:
            container = self._describe(job, image.name, self._gpus(job, image), secrets.path if secrets else None)
            return launch(self.engine(), container, job, image, secrets=secrets, owner=owner)
        except BaseException:
            if secrets:
                secrets.close()
            raise

    def _describe(self, job: Job, image: str, gpus: int | str, secrets: Path | None) -> Container:
        engine = self._engine
        if engine is None:
            import psutil

            memory = int(psutil.virtual_memory().total)
        else:
            memory = engine.memory
        return describe(
            job,
            image=image,
            user=self._user(),
            memory=memory,
            gpus=gpus,
            groups=_groups(),
            secrets=secrets,
            selinux=engine.selinux if engine else False,
            host_users=engine.remapped if engine else False,
        )

    def _user(self) -> str:
        """Who the worker is: us. Without root's rights where we are root; and to a rootless engine we are its root."""
        if self._engine is not None and self._engine.rootless:
            return "0:0"
        uid, gid = self._owner() or (os.getuid(), os.getgid())
        return f"{uid}:{gid}"

    def _owner(self) -> tuple[int, int] | None:
        """The user that files have to be handed over to, if the worker is not us."""
        rootless = self._engine is not None and self._engine.rootless
        return UNPRIVILEGED if os.getuid() == 0 and not rootless else None

    def _gpus(self, job: Job, image: Image) -> int | str:
        """What to request: what the job says; where it says nothing, all there are, for an image that can use them."""
        if job.gpus is None:
            return "all" if self.engine().gpus and image.variant != "cpu" else 0
        if job.gpus in (0, "0"):
            return 0
        if not self.engine().gpus:
            raise engines.no_gpu(f"the spec asks for a GPU (gpus: {job.gpus}) and the Docker Engine has none to give")
        if image.variant == "cpu":
            raise EnvironmentProblem(
                f"the spec asks for a GPU (gpus: {job.gpus}) and the image {image.name} is the CPU one",
                where="/run/image",
                hint="runner image build --variant cuda",
            )
        return job.gpus


def launch(
    engine: Engine,
    container: Container,
    job: Job,
    image: Image,
    *,
    secrets: SecretFiles | None = None,
    owner: tuple[int, int] | None = None,
) -> DockerHandle:
    """Start a described container. Raises :class:`EnvironmentProblem`, and :class:`ConflictError` while another
    container executes the same run; then nothing is left behind."""
    _make_way(engine, container.run_id)
    before = job.run.stat()
    _prepare_folders(job, container, owner)
    created = lease = None
    try:
        created = engine.client.containers.create(**create_arguments(container))
        # Attached before the start, so that there is no moment in which nobody holds the other end.
        lease = engine.client.api.attach_socket(created.id, params={"stdin": 1, "stream": 1})
        created.start()
    except Exception as error:
        if lease is not None:
            lease.close()
        if created is not None:
            with contextlib.suppress(Exception):
                created.remove(force=True)
        if owner is not None:
            hand_over(job.run, (before.st_uid, before.st_gid))
        raise engines.refused(error, container.image) from error
    return DockerHandle(
        engine=engine,
        container=created,
        lease=lease,
        job=job,
        image=image,
        memory=container.memory,
        secrets=secrets,
        give_back_to=(before.st_uid, before.st_gid) if owner is not None else None,
    )


def find_container(run_id: str, engine: Engine | None = None) -> dict[str, Any] | None:
    """The container of a run, wherever it came from: ``{"container", "running"}``, or None.

    Raises :class:`EnvironmentProblem` without an engine.
    """
    engine = engine or engines.connect()
    try:
        found = engine.client.api.containers(all=True, filters={"label": f"{RUN_LABEL}={run_id}"})
    except Exception as error:
        raise engines.unreachable(error) from error
    if not found:
        return None
    found.sort(key=lambda one: one["State"] != "running")
    return {"container": found[0]["Id"], "running": found[0]["State"] in ("running", "restarting", "paused")}


def stop_container(container: str, grace: float = 60, engine: Engine | None = None) -> None:
    """Stop a container that nobody watches: SIGTERM, ``grace`` seconds for its checkpoint, SIGKILL; then remove it."""
    from docker.errors import NotFound

    engine = engine or engines.connect()
    try:
        found = engine.client.containers.get(container)
        found.stop(timeout=int(grace))
        found.remove(force=True)
    except NotFound:
        return
    except Exception as error:
        raise engines.unreachable(error) from error


def _make_way(engine: Engine, run_id: str) -> None:
    """Remove what an earlier attempt left; refuse beside one that is alive."""
    other = find_container(run_id, engine)
    if other is None:
        return
    if other["running"]:
        raise ConflictError(
            f"the run is still executing in the container {other['container'][:12]}",
            where=run_id,
            hint=f"stop it: runner runs stop {run_id}",
        )
    stop_container(other["container"], 0, engine)


def _prepare_folders(job: Job, container: Container, owner: tuple[int, int] | None) -> None:
    """Make the folders that are mounted, and let the worker write those that it shall."""
    try:
        # A file that root makes later, beside the worker, would be in its way: this one is there from the start.
        (job.run / "log.txt").touch()
        job.cache.mkdir(parents=True, exist_ok=True)
        shared = [job.cache]
        if container.network:
            hub_cache().mkdir(parents=True, exist_ok=True)
            shared.append(hub_cache())
        if owner is not None:
            hand_over(job.run, owner)
            for folder in shared:
                hand_over(folder, owner, only_from=0)
    except OSError as error:
        raise EnvironmentProblem(
            f"cannot write {error.filename}: {error.strerror}",
            hint="choose other folders: RUNNER_HOME, RUNNER_CACHE_DIR",
        ) from error


def _groups() -> tuple[int, ...]:
    """Our other groups, through which a user may be able to read the data. Root needs none of its own."""
    return () if os.getuid() == 0 else tuple(sorted({*os.getgroups()} - {0, os.getgid()}))
