"""What a worker leaves for whoever supervises it: how it ended, and what it measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self

from runner.errors import RunnerError
from runner.store.typed_documents import JsonObject, TypedDocument


@dataclass(frozen=True, kw_only=True)
class Failure(TypedDocument):
    """An error as a run's documents and events hold it (:meth:`RunnerError.as_dict`)."""

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"faults", "retryable"})

    #: Its class, by :data:`runner.errors.BY_KIND`.
    error: str = ""
    exit_code: int | None = None
    message: str = ""
    where: str | None = None
    hint: str | None = None
    #: Of an invalid spec.
    faults: tuple[JsonObject, ...] = ()
    #: Whether the same may work a moment later; None where nobody asks.
    retryable: bool | None = None

    @classmethod
    def of(cls, error: RunnerError) -> Self:
        """The error as it is told."""
        return cls.from_document(error.as_dict(), lenient=True)


@dataclass(frozen=True, kw_only=True)
class Outcome(TypedDocument):
    """``outcome.json``: how the worker ended."""

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"seconds", "peak_memory", "error"})

    ok: bool
    #: What the attempt took, and the most bytes that it held.
    seconds: float | None = None
    peak_memory: int | None = None
    error: Failure | None = None


@dataclass(frozen=True, kw_only=True)
class EarlyStop(TypedDocument):
    """A training that ended before its last epoch or round, for want of improvement."""

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"phase"})

    #: What was trained, where a run trains several things.
    phase: str | None = None
    #: Of how many of what.
    done: int | None = None
    total: int | None = None
    unit: str | None = None
    #: How many went by without an improvement, and the least that counts as one.
    patience: int | None = None
    min_delta: float | None = None


@dataclass(frozen=True, kw_only=True)
class RunResult(TypedDocument):
    """``result.json``: what the training measured."""

    #: Kinds without parameters have no entry for them; nor has a run whose trainings went on to their last epoch.
    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"parameters", "stopped_early"})

    #: Scalars by name; a kind of another package may have put anything there.
    metrics: Mapping[str, object] = field(default_factory=dict)
    epochs: int | None = None
    best_epoch: int | None = None
    #: What was calibrated and is used at inference.
    parameters: Mapping[str, object] = field(default_factory=dict)
    stopped_early: tuple[EarlyStop, ...] = ()
