"""The events of a run, a class for each that somebody reads. What else is told is a plain :class:`Event`.

They are read leniently: what an event does not say, or says otherwise than it should, is None or empty, and who listens
goes by what there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from runner.runs.run_documents import EarlyStop, Failure
from runner.store.typed_documents import JsonObject, TypedDocument

#: Numbers by name; None is one that was not measured.
Numbers = Mapping[str, float | None]


@dataclass(frozen=True, kw_only=True)
class Event(TypedDocument):
    """Something that happened. What its kind says beyond that is in ``others``."""

    #: When, seconds since 1970.
    t: float | None = None
    #: Its name.
    event: str = ""


@dataclass(frozen=True, kw_only=True)
class StartedEvent(Event):
    """An attempt begins."""

    event: str = "started"
    model_type: str | None = None
    #: The model's.
    name: str | None = None
    device: str | None = None
    seed: int | None = None
    pid: int | None = None
    #: How many train together, where there are several.
    processes: int | None = None
    #: Epochs between two lines of progress.
    print_every: int | None = None


@dataclass(frozen=True, kw_only=True)
class ReportedRows(TypedDocument):
    """What became of the rows that were read (:class:`~runner.contract.DataReport`)."""

    rows_dropped: Mapping[str, int] = field(default_factory=dict)
    rows_changed: Mapping[str, int] = field(default_factory=dict)
    #: Rows by their line, for each reason: the first of them.
    named: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DataEvent(Event):
    """The data is read."""

    event: str = "data"
    #: Counts by name, those of the layout's own making.
    record: JsonObject | None = None
    report: ReportedRows | None = None


@dataclass(frozen=True, kw_only=True)
class FitEvent(Event):
    """Whether the training fits the machine that it is on, judged before it begins."""

    event: str = "fit"
    #: ``fits``, ``tight``, ``will not fit`` or ``unknown``.
    label: str | None = None
    sentence: str | None = None
    needed_bytes: float | None = None
    available_bytes: float | None = None


@dataclass(frozen=True, kw_only=True)
class StampEvent(Event):
    """What really trains: backend, precision, base, template, rows and adapters, as hashes and figures."""

    event: str = "stamp"
    stamp: JsonObject | None = None
    #: Why another backend does not, where one was asked after.
    why: str | None = None


@dataclass(frozen=True, kw_only=True)
class TensorboardEvent(Event):
    """A TensorBoard shows the run. Told to who listens, and no part of the run's record."""

    event: str = "tensorboard"
    url: str | None = None
    #: What to type to end it, where it does not end with the run.
    stop: str | None = None


@dataclass(frozen=True, kw_only=True)
class ProgressEvent(Event):
    """How far some work is; with ``epoch``, how far that epoch is."""

    event: str = "progress"
    phase: str | None = None
    #: The stage of a training that has several.
    stage: str | None = None
    done: float | None = None
    total: float | None = None
    unit: str | None = None
    epoch: float | None = None
    epochs: float | None = None
    #: Steps and tokens so far, where they mean something.
    step: float | None = None
    tokens: float | None = None
    #: Of the tokens, those that the loss is of.
    trained_tokens: float | None = None
    #: ``tokens_per_second`` of late, and ``peak_memory`` in bytes.
    pace: Numbers = field(default_factory=dict)
    metrics: Numbers = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class EpochEvent(Event):
    """An epoch is over."""

    event: str = "epoch"
    epoch: float | None = None
    epochs: float | None = None
    #: Steps and tokens so far, where they mean something.
    step: float | None = None
    tokens: float | None = None
    #: Of the tokens, those that the loss is of.
    trained_tokens: float | None = None
    #: ``tokens_per_second`` of late, and ``peak_memory`` in bytes.
    pace: Numbers = field(default_factory=dict)
    metrics: Numbers = field(default_factory=dict)
    #: How the training goes from the inside, where the spec asks for it.
    diagnostics: Numbers = field(default_factory=dict)
    #: Whether it is the best so far; None where that is not judged.
    best: bool | None = None


@dataclass(frozen=True, kw_only=True)
class StepEvent(Event):
    """What is told by step, where epochs are few."""

    event: str = "step"
    step: float | None = None
    steps: float | None = None
    #: A fraction.
    epoch: float | None = None
    tokens: float | None = None
    #: Of the tokens, those that the loss is of.
    trained_tokens: float | None = None
    #: ``tokens_per_second`` of late, and ``peak_memory`` in bytes.
    pace: Numbers = field(default_factory=dict)
    metrics: Numbers = field(default_factory=dict)
    #: Of an evaluation: whether it is the best so far.
    best: bool | None = None


@dataclass(frozen=True, kw_only=True)
class StageEpochEvent(Event):
    """An epoch of one stage of a training is over."""

    event: str = "stage_epoch"
    stage: str | None = None
    epoch: float | None = None
    epochs: float | None = None
    metrics: Numbers = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class WarningEvent(Event):
    """Something that should be known, and its place in the spec."""

    event: str = "warning"
    message: str | None = None
    pointer: str | None = None


@dataclass(frozen=True, kw_only=True)
class StoppedEarlyEvent(EarlyStop, Event):
    """A training ended before its last epoch or round."""

    event: str = "stopped_early"


@dataclass(frozen=True, kw_only=True)
class CheckpointEvent(Event):
    """A checkpoint is saved."""

    event: str = "checkpoint"
    step: float | None = None


@dataclass(frozen=True, kw_only=True)
class MetricsEvent(Event):
    """What the finished model measures."""

    event: str = "metrics"
    #: Scalars by name; a kind of another package may have put anything there.
    metrics: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class EndedEvent(Event):
    """An attempt ends: ``finished``, ``stopped`` or ``failed``."""

    event: str = "finished"
    error: Failure | str | None = None


KINDS: dict[str, type[Event]] = {
    **{
        kind.event: kind
        for kind in (
            StartedEvent, DataEvent, FitEvent, StampEvent, TensorboardEvent, ProgressEvent, EpochEvent, StepEvent,
            StageEpochEvent, WarningEvent, StoppedEarlyEvent, CheckpointEvent, MetricsEvent,
        )
    },
    **dict.fromkeys(("finished", "stopped", "failed"), EndedEvent),
}  # fmt: skip


def read_event(document: JsonObject) -> Event:
    """The event that a line of ``events.jsonl`` is, of any version."""
    name = document.get("event")
    return KINDS.get(name if isinstance(name, str) else "", Event).from_document(document, lenient=True)
