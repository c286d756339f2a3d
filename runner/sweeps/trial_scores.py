"""What a trial comes to by what the sweep is judged by, and the same again where that is another metric now."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from runner.sweeps.journal import Record, Trial, TrialState
from runner.sweeps.sweep_checking import CheckedSweep


def verdict(checked: CheckedSweep, trial: Trial, metrics: dict[str, Any], model: str | None) -> dict[str, Any]:
    """What the journal says of a trial whose run is over and has these metrics."""
    values = [_judged(checked, trial, metrics, at) for at in range(len(checked.aims))]
    missing = [aim.metric for aim, value in zip(checked.aims, values, strict=True) if value is None]
    state = TrialState.MISSING_METRIC if missing else TrialState.COMPLETE
    why = _no_metric(" and no ".join(missing), metrics) if missing else None
    value, second = (None, None) if missing else (values[0], values[1] if len(values) > 1 else None)
    said = {"second": second, "why": why, "metrics": metrics, "model": model}
    return {"state": str(state), "value": value} | {name: each for name, each in said.items() if each not in (None, {})}


def again(record: Record, checked: CheckedSweep) -> list[dict[str, Any]]:
    """What trials come to that are over, where the sweep is judged by another metric than it was: they are not trained
    again for it."""
    if not record.aims or record.aims == checked.aims:
        return []
    return [
        # What was told while it trained is of the other metric.
        {"trial": trial.number, **verdict(checked, replace(trial, told={}), trial.metrics, trial.model)}
        for trial in record.trials.values()
        if trial.state in (TrialState.COMPLETE, TrialState.MISSING_METRIC)
    ]


def _judged(checked: CheckedSweep, trial: Trial, metrics: dict[str, Any], at: int) -> float | None:
    """What a trial comes to in the metric of this place; None where its run has no such number."""
    aim = checked.aims[at]
    found = metrics.get(aim.metric)
    last = [float(found)] if isinstance(found, int | float) and not isinstance(found, bool) else []
    if checked.loaded.sweep.metrics[at].at == "best":
        last += trial.told.values()
    return min(last, key=aim.cost, default=None)


def _no_metric(name: str, metrics: dict[str, Any]) -> str:
    """Why a trial has nothing that it is judged by, with what its run was measured by."""
    numbers = [each for each, value in metrics.items() if isinstance(value, int | float)]
    return f"its run has no {name}" + (f": it has {', '.join(numbers[:12])}" if numbers else "")
