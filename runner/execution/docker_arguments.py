"""What a run's container is: one description, given to the engine and printed as the command a user could type."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.data import hub
from runner.execution.executor import Job

#: The label that holds the run's id: how a container is found again when nobody watches it any more.
RUN_LABEL = "runner.run"
SECRETS = Path("/run/secrets")
HOME = "/home/runner"
#: Processes and threads. A library starts a thread or two a core, so a large machine needs more.
PIDS = max(512, 16 * (os.cpu_count() or 1))
SHARED_MEMORY = 2**30
#: The share of the engine's memory that a run may have when its spec sets no limit: the machine outlives the run.
MEMORY_SHARE = 0.9


@dataclass(frozen=True)
class Container:
    """A hardened container for one run. Every path is the same inside as outside but for the secrets."""

    image: str
    command: tuple[str, ...]
    user: str
    cwd: Path
    #: target -> (source, read only)
    mounts: Mapping[Path, tuple[Path, bool]]
    environment: Mapping[str, str]
    run_id: str
    memory: int
    #: That train together in it: NCCL passes what they exchange through shared memory.
    processes: int = 1
    groups: tuple[int, ...] = ()
    cpus: float | None = None
    #: 0, a count, or ``all``.
    gpus: int | str = 0
    #: Which ones; empty: any.
    devices: tuple[str, ...] = ()
    network: bool = False
    security: tuple[str, ...] = ("no-new-privileges",)
    host_users: bool = False
    #: Only tests replace the image's own.
    entrypoint: tuple[str, ...] | None = field(default=None)


def describe(
    job: Job,
    *,
    image: str,
    user: str,
    memory: int,
    gpus: int | str = 0,
    groups: tuple[int, ...] = (),
    secrets: Path | None = None,
    selinux: bool = False,
    host_users: bool = False,
) -> Container:
    """The container of a job. ``memory`` is the engine's, bytes; ``secrets`` the folder that holds the secret files."""
    mounts: dict[Path, tuple[Path, bool]] = {}
    for path in job.read_only:
        mounts |= {path: (path, True)} | {target: (target, True) for target in _links_out(path)}
    environment = {"RUNNER_CACHE_DIR": str(job.cache), "HF_HOME": str(job.cache / "huggingface")}
    downloads = hub_cache()
    if job.network or downloads.is_dir():
        # The token beside it stays outside: a run that needs one gets it as a secret.
        mounts[downloads] = (downloads, not job.network)
        environment["HF_HUB_CACHE"] = str(downloads)
    if not job.network:
        environment["HF_HUB_OFFLINE"] = "1"
    if job.cpus:
        environment["OMP_NUM_THREADS"] = str(max(1, int(job.cpus)))
    mounts |= {path: (path, False) for path in (job.cache, job.run)}
    if secrets is not None:
        mounts[SECRETS] = (secrets, True)
        environment["RUNNER_SECRETS"] = str(SECRETS)
    return Container(
        image=image,
        command=("worker", str(job.run), "--lease", "stdin"),
        user=user,
        groups=groups,
        cwd=job.cwd,
        mounts=mounts,
        environment=environment,
        run_id=job.run.name,
        memory=job.memory or int(memory * MEMORY_SHARE),
        processes=job.processes,
        cpus=job.cpus,
        gpus=gpus,
        devices=job.devices if gpus else (),
        network=job.network,
        security=("no-new-privileges", *(("label=disable",) if selinux else ())),
        host_users=host_users,
    )


def hub_cache() -> Path:
    """Where the Hub's downloads are on this machine."""
    return hub.downloads().absolute()


def create_arguments(container: Container) -> dict[str, Any]:
    """The arguments of the SDK's ``containers.create``."""
    from docker.types import DeviceRequest, LogConfig, Mount

    arguments: dict[str, Any] = {
        "image": container.image,
        "command": list(container.command),
        "user": container.user,
        "group_add": list(container.groups),
        "working_dir": str(container.cwd),
        "mounts": [
            Mount(str(target), str(source), type="bind", read_only=read_only)
            for target, (source, read_only) in container.mounts.items()
        ],
        "environment": dict(container.environment),
        "labels": {RUN_LABEL: container.run_id},
        "read_only": True,
        "tmpfs": _tmpfs(container),
        "cap_drop": ["ALL"],
        "security_opt": list(container.security),
        "pids_limit": PIDS,
        "mem_limit": container.memory,
        # Equal to the memory limit: no swap, so that the limit is the limit.
        "memswap_limit": container.memory,
        "shm_size": SHARED_MEMORY * container.processes,
        "init": True,
        # Kept open by us, and by nobody once: it ends when we do.
        "stdin_open": True,
        "log_config": LogConfig(type="json-file", config={"max-size": "16m", "max-file": "1"}),
    }
    if not container.network:
        arguments["network_mode"] = "none"
    if container.cpus:
        arguments["nano_cpus"] = int(container.cpus * 1e9)
    if container.host_users:
        arguments["userns_mode"] = "host"
    if container.gpus:
        count = -1 if container.gpus == "all" else int(container.gpus)
        which = {"device_ids": list(container.devices)} if container.devices else {"count": count}
        arguments["device_requests"] = [DeviceRequest(**which, capabilities=[["gpu"]])]
    if container.entrypoint is not None:
        arguments["entrypoint"] = list(container.entrypoint)
    return arguments


def words(container: Container) -> list[str]:
    """``docker run ...`` to the same effect, but for the lease: at a terminal, Ctrl-C is what stops it."""
    options = ["docker", "run", "--rm", "--init", "--read-only", "--cap-drop", "ALL"]
    for option in container.security:
        options += ["--security-opt", option]
    options += ["--user", container.user]
    for group in container.groups:
        options += ["--group-add", str(group)]
    options += ["--pids-limit", str(PIDS), "--memory", str(container.memory), "--memory-swap", str(container.memory)]
    options += ["--shm-size", str(SHARED_MEMORY * container.processes)]
    if not container.network:
        options += ["--network", "none"]
    if container.cpus:
        options += ["--cpus", f"{container.cpus:g}"]
    if container.host_users:
        options += ["--userns", "host"]
    if container.gpus:
        # A list has its own quotes, as the option is a line of CSV.
        which = f'"device={",".join(container.devices)}"' if container.devices else str(container.gpus)
        options += ["--gpus", which]
    for folder, setting in _tmpfs(container).items():
        options += ["--tmpfs", f"{folder}:{setting}"]
    for target, (source, read_only) in container.mounts.items():
        options += ["--mount", _mount_words(source, target, read_only)]
    for name, value in container.environment.items():
        options += ["--env", f"{name}={value}"]
    options += ["--label", f"{RUN_LABEL}={container.run_id}", "--workdir", str(container.cwd)]
    return [*options, container.image, *(word for word in container.command if word not in ("--lease", "stdin"))]


def _tmpfs(container: Container) -> dict[str, str]:
    owner, _, group = container.user.partition(":")
    # `exec`: libraries that compile kernels at run time load them from here.
    return {
        "/tmp": "rw,nosuid,nodev,exec,mode=1777",  # noqa: S108 - the container's own
        HOME: f"rw,nosuid,nodev,exec,mode=0700,uid={owner},gid={group}",
    }


def _mount_words(source: Path, target: Path, read_only: bool) -> str:
    """The value of ``--mount``: a line of CSV, so that a comma in a path is quoted."""
    line = io.StringIO()
    fields = ["type=bind", f"source={source}", f"target={target}", *(["readonly"] if read_only else [])]
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()


def _links_out(path: Path) -> list[Path]:
    """What symlinks in a folder point to outside it: a Hub snapshot is a folder of links to files beside it."""
    if not path.is_dir():
        return []
    inside = path.resolve()
    targets = (entry.resolve() for entry in path.rglob("*") if entry.is_symlink())
    return sorted({target for target in targets if target.is_file() and not target.is_relative_to(inside)})
