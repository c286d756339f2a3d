"""Reads a run's directory for its page. Any file may be missing, torn, or hold anything."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner.pages.numbers import finite
from runner.runs.event_kinds import (
    DataEvent,
    EpochEvent,
    Event,
    MetricsEvent,
    ProgressEvent,
    ReportedRows,
    StartedEvent,
    StepEvent,
    WarningEvent,
    read_event,
)
from runner.runs.run_documents import EarlyStop, Failure, RunResult
from runner.store.typed_documents import JsonObject, TypedDocument

#: Bytes of the log's end that a page shows, and of a JSON file that it is willing to read.
LOG_TAIL = 16_384
LARGEST = 32 * 2**20


@dataclass(frozen=True, kw_only=True)
class ShownState(TypedDocument):
    """What a page shows of ``state.json``, whatever wrote it."""

    state: str | None = None
    created: float | None = None
    started: float | None = None
    ended: float | None = None
    executor: str | None = None
    exit_code: int | None = None
    failure: Failure | str | None = None
    note: str | None = None
    #: The stored model.
    model: str | None = None


@dataclass
class Span:
    """Neighbouring events of one kind: how many, when the first and the last came, and the last one."""

    kind: str
    count: int
    first: float | None
    last: float | None
    event: Event


@dataclass
class Recorded:
    """What a run's directory says of the run."""

    name: str
    spec: JsonObject = field(default_factory=dict)
    state: ShownState = field(default_factory=ShownState)
    #: As it was written, by whatever version.
    lock: JsonObject = field(default_factory=dict)
    metrics: Mapping[str, object] = field(default_factory=dict)
    parameters: Mapping[str, object] = field(default_factory=dict)
    best_epoch: int | None = None
    best_step: int | None = None
    tables: JsonObject = field(default_factory=dict)
    #: Per epoch, from 1, what its last event said: a resumed run tells some epochs twice.
    epochs: dict[int, dict[str, float]] = field(default_factory=dict)
    #: The same of how the training went from the inside, where the spec asked for it.
    diagnostics: dict[int, dict[str, float]] = field(default_factory=dict)
    #: What was told by step, by step.
    steps: dict[int, dict[str, float]] = field(default_factory=dict)
    #: How far the last event by step had come: ``epoch`` (a fraction) and ``tokens``, where it said so.
    reached: dict[str, float] = field(default_factory=dict)
    started: StartedEvent = field(default_factory=StartedEvent)
    data: JsonObject = field(default_factory=dict)
    #: What became of the rows that were read.
    rows: ReportedRows = field(default_factory=ReportedRows)
    warnings: list[WarningEvent] = field(default_factory=list)
    #: The trainings of the run that ended before their last epoch or round.
    stopped_early: Sequence[EarlyStop] = ()
    spans: list[Span] = field(default_factory=list)
    log: str = ""


def read(run_dir: Path) -> Recorded:
    """Read everything that a page shows of a run. The run may be in any state."""
    result = RunResult.from_document(_json(run_dir / "result.json"), lenient=True)
    run = Recorded(
        name=run_dir.resolve().name,
        spec=_json(run_dir / "spec.json"),
        state=ShownState.from_document(_json(run_dir / "state.json"), lenient=True),
        lock=_json(run_dir / "lock.json"),
        parameters=result.parameters,
        tables=_json(run_dir / "tables.json"),
        log=_tail(run_dir / "log.txt"),
    )
    flagged = None
    for event in _events(run_dir / "events.jsonl"):
        flagged = _take(run, event) or flagged
    run.metrics = result.metrics or run.metrics
    run.stopped_early = result.stopped_early
    run.best_epoch = flagged if result.best_epoch is None else result.best_epoch
    return run


def _take(run: Recorded, event: Event) -> int | None:
    """Add one event; returns its epoch if it says that this is the best so far."""
    best = None
    match event:
        case StartedEvent():
            run.started = event
        case DataEvent() if event.record is not None:
            run.data, run.rows = event.record, event.report or run.rows
        case WarningEvent():
            run.warnings.append(event)
        case MetricsEvent():
            run.metrics = event.metrics
        case EpochEvent() if (known := finite(event.epoch)) is not None:
            run.epochs[int(known)] = _numbers(event.metrics)
            if inside := _numbers(event.diagnostics):
                run.diagnostics[int(known)] = inside
            best = int(known) if event.best else None
        case StepEvent() if (known := finite(event.step)) is not None:
            # Training and evaluation may tell of one step apart.
            run.steps[int(known)] = run.steps.get(int(known), {}) | _numbers(event.metrics)
            run.best_step = int(known) if event.best else run.best_step
            run.reached |= _numbers({"epoch": event.epoch, "tokens": event.tokens})
    _add_to_spans(run, event)
    return best


def _add_to_spans(run: Recorded, event: Event) -> None:
    time = finite(event.t)
    last = run.spans[-1] if run.spans else None
    # Batches and epochs alternate by the thousand: together they are one stretch of training.
    within = isinstance(event, ProgressEvent) and event.epoch is not None
    group = "training" if within or isinstance(event, EpochEvent | StepEvent) else event.event
    same = last is not None and last.kind == group and group in {"training", "progress", "checkpoint"}
    if last is not None and same and (group != "progress" or _unit(last.event) == _unit(event)):
        last.count += 1
        last.last = time if time is not None else last.last
        last.event = last.event if within else event
    else:
        run.spans.append(Span(group, 1, time, time, event))


def _unit(event: Event) -> str | None:
    return event.unit if isinstance(event, ProgressEvent) else None


def _numbers(metrics: Mapping[str, object]) -> dict[str, float]:
    return {name: known for name, value in metrics.items() if (known := finite(value)) is not None}


def _events(path: Path) -> Iterator[Event]:
    """The events of a file. A line that is still being written, or is no object, is left out."""
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    event = json.loads(line)
                except (ValueError, RecursionError):
                    continue
                if isinstance(event, dict):
                    yield read_event(event)
    except OSError:
        return


def _json(path: Path) -> JsonObject:
    try:
        if path.stat().st_size > LARGEST:
            return {}
        document = json.loads(path.read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - LOG_TAIL))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return text.partition("\n")[2] if size > LOG_TAIL else text
