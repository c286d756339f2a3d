"""What a sweep came to, as tables that a terminal and a page render alike."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
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


def newest(record: Record, most: int) -> list[Trial]:
    """The newest ``most`` trials in their order; 0 is all that there are."""
    return list(record.trials.values())[-most:] if most else list(record.trials.values())


def trials_table(record: Record, most: int = 0) -> Table:
    """The newest ``most`` trials (0: every one): what was tried, what became of it, what it came to."""
    places = parameters_of(record)
    listed = newest(record, most)
    earlier = sum(record.states().values()) - len(listed)
    names = short_names(places)
    best = record.best()
    rows = [
        [
            trial.number,
            str(trial.state) + (f" after {trial.pruned_at}" if trial.pruned_at is not None else ""),
            trial.value,
            *(shown(trial.values[place]) if place in trial.values else None for place in places),
            round(trial.seconds, 1) if trial.seconds else None,
            ("best: " if trial is best else "") + (trial.model or _why(trial)),
        ]
        for trial in listed
    ]
    columns = ["trial", "state", record.metric or "value", *(names[place] for place in places), "seconds", "model"]
    note = f"The newest {len(listed)}; {earlier:,} earlier ones are not shown: --limit 0 shows all." if earlier else ""
    return Table("trials", "Trials", columns, rows, note=note, decimals={"seconds": 1})


def _why(trial: Trial) -> str:
    """Why a trial has no model; of one that was stopped its state says it."""
    return "" if trial.pruned_at is not None else trial.why or ""


def states_table(record: Record) -> Table:
    """How many trials are in which state."""
    counts = record.states()
    return Table("states", "What became of them", ["state", "trials"], [[str(each), counts[each]] for each in counts])


def importance_table(importance: Mapping[str, float]) -> Table:
    """How much of the differences each parameter explains."""
    names = short_names(importance)
    rows = [[names[place], round(share, 4)] for place, share in importance.items()]
    return Table(
        "importance", "What matters", ["parameter", "share"], rows, "bars",
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
        best = record.best()
        told = f"{record.metric} {number(trial.value)}" + (" (best)" if best is trial else "")
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
