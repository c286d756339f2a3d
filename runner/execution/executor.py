"""What an executor is: something that runs one job, ``runner worker RUN``, somewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from runner.errors import RunnerError


@dataclass(frozen=True)
class Job:
    """What to run and what it may touch. Paths are absolute and are the same inside a container as outside."""

    run: Path
    cwd: Path
    cache: Path
    #: The user's data files, stored models to start from, local model folders.
    read_only: tuple[Path, ...] = ()
    image: str | None = None
    gpus: int | str | None = None
    #: Which GPUs it has, as ``CUDA_VISIBLE_DEVICES`` names them; empty: whichever there are.
    devices: tuple[str, ...] = ()
    #: That train together, with a GPU each where GPUs are used.
    processes: int = 1
    cpus: float | None = None
    #: Bytes.
    memory: int | None = None
    network: bool = False
    #: Values live in memory only, until an executor hands them over as files; never printed.
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: Seconds that it may take to write its checkpoint, after it was asked to stop.
    grace: float = 60.0


class Handle(Protocol):
    """A job that was started."""

    def poll(self) -> int | None:
        """The worker's exit code, or None while it runs."""

    def terminate(self) -> None:
        """Ask it to checkpoint and stop (SIGTERM)."""

    def kill(self) -> None:
        """End it now (SIGKILL)."""

    def facts(self) -> dict[str, Any]:
        """What identifies it, for the run's state: a process id, or a container's id and image digest."""

    def forget_secrets(self) -> None:
        """The worker has read its secrets: what carried them to it goes now, not at the end."""

    def memory_used(self) -> int | None:
        """Bytes in use now, where the executor has to enforce ``Job.memory`` itself; else None."""

    def failure(self) -> RunnerError | None:
        """After it ended: what the executor alone knows of why (out of memory, engine gone)."""

    def close(self) -> None:
        """Leave nothing behind: no container, no secret."""


class Executor(Protocol):
    """A place where jobs run."""

    name: str

    def check(self, job: Job) -> None:
        """Raise :class:`~runner.errors.EnvironmentProblem` for what is missing, before anything starts."""

    def start(self, job: Job) -> Handle:
        """Start the job."""

    def command(self, job: Job) -> list[str]:
        """The words that a user could type to the same effect. No secret's value is in them."""
