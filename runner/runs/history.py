"""What a run told while it trained, epoch by epoch and step by step: its events, read as one document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from runner.runs.event_kinds import EpochEvent, Event, Numbers, StageEpochEvent, StepEvent
from runner.store.typed_documents import TypedDocument


@dataclass(frozen=True, kw_only=True)
class ToldEpoch(TypedDocument):
    """An epoch that is over."""

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"step", "tokens", "diagnostics"})

    epoch: float
    #: When, seconds since 1970.
    t: float | None = None
    #: Steps and tokens so far, where they mean something.
    step: float | None = None
    tokens: float | None = None
    #: Numbers by name; None is one that was not measured.
    metrics: Numbers = field(default_factory=dict)
    #: What the spec's ``diagnostics`` asks for.
    diagnostics: Numbers = field(default_factory=dict)
    #: Whether it was the best so far; None where that is not judged.
    best: bool | None = None


@dataclass(frozen=True, kw_only=True)
class ToldStep(TypedDocument):
    """What was told of one step, by training and evaluation together."""

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"tokens"})

    step: float
    t: float | None = None
    #: A fraction.
    epoch: float | None = None
    tokens: float | None = None
    metrics: Numbers = field(default_factory=dict)
    best: bool | None = None


@dataclass(frozen=True, kw_only=True)
class ToldStageEpoch(TypedDocument):
    """An epoch of one stage of a training that has several."""

    stage: str
    epoch: float
    t: float | None = None
    metrics: Numbers = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class History(TypedDocument):
    """Everything that a run told by epoch and by step, each epoch and each step once, in order."""

    epochs: tuple[ToldEpoch, ...] = ()
    steps: tuple[ToldStep, ...] = ()
    #: The epochs of the stages before the training proper, stage after stage.
    stages: tuple[ToldStageEpoch, ...] = ()


def history(events: Iterable[Event]) -> History:
    """The history that a run's events are. An epoch that a resumed run told twice counts as it was told last."""
    epochs: dict[float, ToldEpoch] = {}
    steps: dict[float, ToldStep] = {}
    stages: dict[tuple[str, float], ToldStageEpoch] = {}
    for event in events:
        match event:
            case EpochEvent(epoch=number) if number is not None:
                epochs[number] = ToldEpoch(
                    epoch=number,
                    t=event.t,
                    step=event.step,
                    tokens=event.tokens,
                    metrics=event.metrics,
                    diagnostics=event.diagnostics,
                    best=event.best,
                )
            case StepEvent(step=number) if number is not None:
                steps[number] = _both(steps.get(number), event, number)
            case StageEpochEvent(stage=stage, epoch=number) if stage is not None and number is not None:
                stages[stage, number] = ToldStageEpoch(stage=stage, epoch=number, t=event.t, metrics=event.metrics)
    return History(
        epochs=tuple(epochs[number] for number in sorted(epochs)),
        steps=tuple(steps[number] for number in sorted(steps)),
        stages=_by_stage(stages),
    )


def _both(known: ToldStep | None, event: StepEvent, number: float) -> ToldStep:
    """Training and evaluation may tell of one step apart."""
    told = ToldStep(
        step=number, t=event.t, epoch=event.epoch, tokens=event.tokens, metrics=event.metrics, best=event.best
    )
    if known is None:
        return told
    return replace(
        told,
        epoch=known.epoch if told.epoch is None else told.epoch,
        tokens=known.tokens if told.tokens is None else told.tokens,
        metrics={**known.metrics, **told.metrics},
        best=known.best if told.best is None else told.best,
    )


def _by_stage(stages: Mapping[tuple[str, float], ToldStageEpoch]) -> tuple[ToldStageEpoch, ...]:
    first = {name: at for at, name in reversed(list(enumerate(stage for stage, _ in stages)))}
    return tuple(stages[key] for key in sorted(stages, key=lambda key: (first[key[0]], key[1])))
