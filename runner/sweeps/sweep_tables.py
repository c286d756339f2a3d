"""What a sweep came to, as tables that a terminal and a page render alike."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from runner.contract import Table
from runner.pages.numbers import number
from runner.spec import pointers
from runner.sweeps.journal import Record, Trial, TrialState


def parameters_of(record: Record) -> list[str]:
    """The pointers that any trial has a value for, in the order in which they came."""
    return list(dict.fromkeys(pointer for trial in record.trials.values() for pointer in trial.values))


def short_names(places: Iterable[str]) -> dict[str, str]:
    """The last part of each pointer, with as much before it as tells it from the others."""
    places = list(places)
    found: dict[str, str] = {}
    for pointer in places:
        parts = pointers.split(pointer)
        for count in range(1, len(parts) + 1):
            name = ".".join(parts[-count:])
            if sum(".".join(pointers.split(other)[-count:]) == name for other in places) == 1:
                break
        found[pointer] = name
    return found


def metrics_of(record: Record) -> list[str]:
    """What its trials are judged by, as headings."""
    return [aim.metric for aim in record.aims] or ["value"]


def values_of(trial: Trial, record: Record) -> list[float | None]:
    """What a trial came to in each of them."""
    return [trial.value, trial.second][: max(len(record.aims), 1)]


def front_table(record: Record) -> Table:
    """The trials to which no other is better in one metric and as good in the other; the picture has the metrics."""
    places = parameters_of(record)
    names = short_names(places)
    rows = [
        [*values_of(trial, record), trial.number,
         *(shown(trial.values[place]) if place in trial.values else None for place in places), trial.model]
        for trial in record.front()
    ]  # fmt: skip
    columns = [*metrics_of(record), "trial", *(names[place] for place in places), "model"]
    said = " and ".join(f"{aim.goal} {aim.metric}" for aim in record.aims)
    note = f"To {said}: no other is better in one and as good in the other."
    return Table("front", "The front", columns, rows, note=note)


def front_line(record: Record) -> Table:
    """The front as a line of the second metric over the first."""
    rows = [values_of(trial, record) for trial in record.front()]
    return Table("front_line", "The front", metrics_of(record), rows, "line")


def newest(record: Record, most: int) -> list[Trial]:
    """The newest ``most`` trials in their order; 0 is all that there are."""
    return list(record.trials.values())[-most:] if most else list(record.trials.values())


def trials_table(record: Record, most: int = 0) -> Table:
    """The newest ``most`` trials (0: every one): what was tried, what became of it, what it came to."""
    places = parameters_of(record)
    listed = newest(record, most)
    earlier = sum(record.states().values()) - len(listed)
    names = short_names(places)
    marked = {trial.number for trial in record.front()}
    mark = "best: " if len(record.aims) < 2 else "front: "
    rows = [
        [
            trial.number,
            str(trial.state) + (f" after {trial.pruned_at}" if trial.pruned_at is not None else ""),
            *values_of(trial, record),
            *(shown(trial.values[place]) if place in trial.values else None for place in places),
            round(trial.seconds, 1) if trial.seconds else None,
            (mark if trial.number in marked else "") + (trial.model or _why(trial)),
        ]
        for trial in listed
    ]
    columns = ["trial", "state", *metrics_of(record), *(names[place] for place in places), "seconds", "model"]
    note = f"The newest {len(listed)}; {earlier:,} earlier ones are not shown: --limit 0 shows all." if earlier else ""
    return Table("trials", "Trials", columns, rows, note=note, decimals={"seconds": 1})


def _why(trial: Trial) -> str:
    """Why a trial has no model; of one that was stopped its state says it."""
    return "" if trial.pruned_at is not None else trial.why or ""


def states_table(record: Record) -> Table:
    """How many trials are in which state."""
    counts = record.states()
    return Table("states", "What became of them", ["state", "trials"], [[str(each), counts[each]] for each in counts])


def importance_table(importance: Mapping[str, float], metric: str | None = None) -> Table:
    """How much of the differences each parameter explains; of one of two metrics its name says which."""
    names = short_names(importance)
    rows = [[names[place], round(share, 4)] for place, share in importance.items()]
    return Table(
        "importance", f"What matters to {metric}" if metric else "What matters", ["parameter", "share"], rows, "bars",
        note="The share of the differences between good and other trials that a parameter explains (PED-ANOVA).",
    )  # fmt: skip


def progress_table(record: Record) -> Table:
    """The best value so far, trial by trial."""
    rows: list[list[Any]] = []
    best: float | None = None
    for trial in record.trials.values():
        if trial.state is TrialState.COMPLETE and trial.value is not None:
            better = max if record.goal == "maximize" else min
            best = trial.value if best is None else better(best, trial.value)
            rows.append([trial.number, trial.value, best])
    return Table("progress", "Trial by trial", ["trial", record.metric or "value", "best so far"], rows, "line")


def document(record: Record, name: str, most: int = 0) -> dict[str, Any]:
    """What ``runner sweep show --json`` prints, with the newest ``most`` trials (0: every one)."""
    best = record.best()
    states = record.states()
    listed = newest(record, most)
    return {
        "sweep": name,
        "metric": record.metric,
        "goal": record.goal,
        **(
            {"second": asdict(record.aims[1]), "front": [each.number for each in record.front()]}
            if len(record.aims) > 1
            else {}
        ),
        "states": {str(state): states[state] for state in TrialState},
        "best": as_document(best) if best else None,
        "trials": [as_document(trial) for trial in listed],
        "trials_left_out": sum(states.values()) - len(listed),
    }


def as_document(trial: Trial) -> dict[str, Any]:
    """One trial, as JSON has it."""
    return {
        "trial": trial.number,
        "state": str(trial.state),
        "value": trial.value,
        **({"second": trial.second} if trial.second is not None else {}),
        "values": trial.values,
        "name": trial.name,
        "run": trial.run,
        "model": trial.model,
        "pruned_at": trial.pruned_at,
        "seconds": trial.seconds,
        "why": trial.why,
        "metrics": trial.metrics,
    }


def line(trial: Trial, record: Record, total: int) -> str:
    """One trial that is over, in a line of the terminal."""
    names = short_names(parameters_of(record))
    tried = ", ".join(f"{names[place]} {shown(value)}" for place, value in trial.values.items())
    over = sum(each.counted and each.state is not TrialState.RUNNING for each in record.trials.values())
    head = f"{over}/{max(total, over)}  trial {trial.number}: {tried} -> "
    if trial.state is TrialState.COMPLETE and trial.value is not None:
        told = ", ".join(
            f"{metric} {number(value)}"
            for metric, value in zip(metrics_of(record), values_of(trial, record), strict=True)
        )
        if trial.number in {each.number for each in record.front()}:
            told += " (best)" if len(record.aims) < 2 else " (on the front)"
    else:
        told = f"{trial.state}" + (f": {trial.why}" if trial.why else "")
    return head + told + (f", {trial.seconds:.1f} s" if trial.seconds else "")


def shown(value: Any) -> Any:
    """A value as a cell: numbers and words as they are, the rest as JSON."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, bool) or not isinstance(value, str | int | None):
        return json.dumps(value, ensure_ascii=False)
    return value


def short(value: float | None) -> str | None:
    """A metric's value for a terminal: at most six digits that count. JSON has all of them."""
    return None if value is None else f"{value:.6g}"
