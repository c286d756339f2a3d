"""Reads a run's directory for its page. Any file may be missing, torn, or hold anything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.pages.numbers import finite

#: Bytes of the log's end that a page shows, and of a JSON file that it is willing to read.
LOG_TAIL = 16_384
LARGEST = 32 * 2**20


@dataclass
class Span:
    """Neighbouring events of one kind: how many, when the first and the last came, and the last one."""

    kind: str
    count: int
    first: float | None
    last: float | None
    event: dict[str, Any]


@dataclass
class Recorded:
    """What a run's directory says of the run."""

    name: str
    spec: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    lock: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    best_epoch: int | None = None
    best_step: int | None = None
    tables: dict[str, Any] = field(default_factory=dict)
    #: Per epoch, from 1, what its last event said: a resumed run tells some epochs twice.
    epochs: dict[int, dict[str, float]] = field(default_factory=dict)
    #: The same by step, for what is told by step.
    steps: dict[int, dict[str, float]] = field(default_factory=dict)
    #: How far the last event by step had come: ``epoch`` (a fraction) and ``tokens``, where it said so.
    reached: dict[str, float] = field(default_factory=dict)
    started: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    #: What became of the rows that were read (:class:`~runner.contract.DataReport`).
    data_report: dict[str, Any] = field(default_factory=dict)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    log: str = ""


def read(run_dir: Path) -> Recorded:
    """Read everything that a page shows of a run. The run may be in any state."""
    result = _json(run_dir / "result.json")
    run = Recorded(
        name=run_dir.resolve().name,
        spec=_json(run_dir / "spec.json"),
        state=_json(run_dir / "state.json"),
        lock=_json(run_dir / "lock.json"),
        tables=_json(run_dir / "tables.json"),
        log=_tail(run_dir / "log.txt"),
    )
    flagged = None
    for event in _events(run_dir / "events.jsonl"):
        flagged = _take(run, event) or flagged
    if isinstance(result.get("metrics"), dict):
        run.metrics = result["metrics"]
    if isinstance(result.get("parameters"), dict):
        run.parameters = result["parameters"]
    best = result.get("best_epoch")
    run.best_epoch = best if isinstance(best, int) and not isinstance(best, bool) else flagged
    return run


def _take(run: Recorded, event: dict[str, Any]) -> int | None:
    """Add one event; returns its epoch if it says that this is the best so far."""
    kind = str(event.get("event"))
    best = None
    if kind == "started":
        run.started = event
    elif kind == "data" and isinstance(event.get("record"), dict):
        run.data = event["record"]
        if isinstance(event.get("report"), dict):
            run.data_report = event["report"]
    elif kind == "warning":
        run.warnings.append(event)
    elif kind == "metrics" and isinstance(event.get("metrics"), dict):
        run.metrics = event["metrics"]
    elif kind == "epoch":
        number = finite(event.get("epoch"))
        if number is not None and isinstance(event.get("metrics"), dict):
            run.epochs[int(number)] = _numbers(event["metrics"])
            best = int(number) if event.get("best") is True else None
    elif kind == "step":
        number = finite(event.get("step"))
        if number is not None and isinstance(event.get("metrics"), dict):
            # Training and evaluation may tell of one step apart.
            run.steps[int(number)] = run.steps.get(int(number), {}) | _numbers(event["metrics"])
            run.best_step = int(number) if event.get("best") is True else run.best_step
            run.reached |= _numbers({name: event.get(name) for name in ("epoch", "tokens")})
    time = finite(event.get("t"))
    last = run.spans[-1] if run.spans else None
    # Batches and epochs alternate by the thousand: together they are one stretch of training.
    group = "training" if kind in {"epoch", "step"} or (kind == "progress" and "epoch" in event) else kind
    same = last is not None and last.kind == group and group in {"training", "progress", "checkpoint"}
    if last is not None and same and (group != "progress" or last.event.get("unit") == event.get("unit")):
        last.count += 1
        last.last = time if time is not None else last.last
        last.event = event if kind != "progress" or group != "training" else last.event
    else:
        run.spans.append(Span(group, 1, time, time, event))
    return best


def _numbers(metrics: dict[str, Any]) -> dict[str, float]:
    return {name: known for name, value in metrics.items() if (known := finite(value)) is not None}


def _events(path: Path) -> Iterator[dict[str, Any]]:
    """The events of a file. A line that is still being written, or is no object, is left out."""
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    event = json.loads(line)
                except (ValueError, RecursionError):
                    continue
                if isinstance(event, dict):
                    yield event
    except OSError:
        return


def _json(path: Path) -> dict[str, Any]:
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
