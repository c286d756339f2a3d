"""What an engine is: something that starts one command on other machines, and says why nothing runs.

An engine is never the truth. What became of a run is in its directory (:mod:`runner.engines.run_root`), so a scheduler
that forgot a job, or calls a finished one failed, changes nothing. Every engine starts the same command,
``runner worker --root URI``; none sees what is inside, and none pickles Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol


class EngineState(StrEnum):
    """What an engine says of a job. It explains; it decides nothing."""

    PENDING = "pending"
    RUNNING = "running"
    ENDED = "ended"
    #: The engine answers and knows no such job: it has forgotten it, or never had it.
    UNKNOWN = "unknown"
    #: The engine does not answer.
    UNREACHABLE = "unreachable"


@dataclass(frozen=True)
class EngineStatus:
    """What the engine says of one job, and why, in its own words."""

    state: EngineState
    #: "no node has 8 GPUs", "ImagePullBackOff", "preempted": shown to the person who waits.
    why: str | None = None
    exit_code: int | None = None
    #: Whether the job ended by the engine's doing (preempted, its node lost), which costs no retry.
    interrupted: bool = False


@dataclass(frozen=True)
class Order:
    """One job for an engine: the entry command, what it needs, and the name by which a second order is recognised."""

    #: The run's id and the attempt: equal orders have equal names. Letters, digits and hyphens, at most 63.
    name: str
    #: The entry command, word by word.
    command: tuple[str, ...]
    #: Where the engine keeps the job's own output, if it wants a folder: the run's directory on a shared disk, or None.
    folder: str | None = None
    #: Values of no secret.
    environment: Mapping[str, str] = field(default_factory=dict)
    #: Names of variables that the job needs and that are secrets: how each engine hands them over is its own matter,
    #: but their values are in no file, manifest or listing.
    secret_names: tuple[str, ...] = ()
    image: str | None = None
    nodes: int = 1
    #: Per node.
    gpus: int = 0
    cpus: float | None = None
    #: Bytes, per node.
    memory: int | None = None
    #: Seconds that the job may take in all; None: the engine's own limit.
    time_limit: float | None = None
    #: Seconds between being asked to stop and being killed.
    stop_grace: float = 60.0
    #: Partition, queue, Kueue's local queue: whatever the engine calls it.
    queue: str | None = None
    #: The engine's own settings, from ``run.engine.options``, checked by :meth:`Engine.check`.
    options: Mapping[str, Any] = field(default_factory=dict)


class Engine(Protocol):
    """Five verbs around one command. Logs and results are fetched from the run's directory, not from here."""

    name: str

    def check(self, order: Order) -> None:
        """Raise :class:`~runner.errors.RunnerError` for what is missing or unknown (an option by its pointer
        ``/run/engine/options/NAME``, a program, a cluster that does not answer), before anything is written."""

    def text(self, order: Order) -> str:
        """What would be submitted, as a user would write it by hand: a batch script, a manifest, a request.

        Asks no cluster and needs no program. Raises as :meth:`check` does for what the order itself cannot have.
        """

    def submit(self, order: Order) -> str:
        """Submit and return the engine's id of the job. An order of this name that is pending or running already is
        not submitted again: its id is returned."""

    def status(self, job: str) -> EngineStatus:
        """What the engine says of it. Raises nothing for an engine that is down: ``UNREACHABLE`` says it."""

    def words(self, job: str) -> str:
        """The end of what the engine itself keeps of the job's output (at most 64 KiB): what it says before the run's
        own log begins, such as an image that cannot be pulled. Empty where there is none."""

    def cancel(self, job: str) -> None:
        """Ask it to stop, with ``stop_grace`` before it is killed. No error for one that has ended."""
