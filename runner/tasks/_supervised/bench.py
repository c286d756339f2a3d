"""Models of classes or numbers on the rows that their data holds out: loading, asking, and what all share."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from runner.contract import Table
from runner.contract.quantities import counted
from runner.errors import DataError, RunnerError
from runner.tasks._supervised.supervised_predictor import SupervisedPredictor
from runner.tasks.compared import Compared

#: Rows that a model is asked about before the clock runs.
WARM_UP = 2


@dataclass(frozen=True)
class Said:
    """What one model says of the held-out rows."""

    entry: Compared
    #: What the predictor says of itself (:class:`~runner.tasks._supervised.supervised_predictor.SupervisedPredictor`).
    targets: Any
    thresholds: Mapping[str, float]
    #: By target: probabilities float64 ``[n, classes]``, or numbers float64 ``[n]``.
    outputs: Mapping[str, np.ndarray]
    seconds: float


def ask_all(models: Sequence[Compared], part: Any, task: str, say: Callable[[str], None]) -> list[Said]:
    """Every model that can be asked, one after the other. One that cannot fails, and the others go on."""
    say(f"measuring {counted(len(models), 'models')} of {task} on {counted(len(part), 'held-out rows')}")
    said = []
    for entry in models:
        try:
            said.append(entry.ask(partial(ask, entry, part)))
        except RunnerError as error:
            entry.fail(error)
    return said


def ask(entry: Compared, part: Any, predictor: SupervisedPredictor) -> Said:
    """What one model says. Raises :class:`DataError` for one of other targets."""
    missing = set(part.targets) - set(predictor.targets)
    if missing:
        raise DataError(f"it does not predict {', '.join(sorted(missing))}")
    # What loads late has loaded before the clock runs.
    predictor.predict_part(part.take(np.arange(min(WARM_UP, len(part)))))
    started = time.perf_counter()
    outputs = predictor.predict_part(part)
    seconds = time.perf_counter() - started
    return Said(entry, predictor.targets, predictor.thresholds, {name: outputs[name] for name in part.targets}, seconds)


def told(said: Sequence[Said], rows: Sequence[dict[str, Any]], part: Any) -> list[dict[str, Any]]:
    """The measured rows, by label, with what is known of each model whatever its task."""
    known = {one.entry.label: one for one in said}
    table = []
    for row in rows:
        one = known[row["label"]]
        speed = 1000 * one.seconds / max(len(part), 1)
        table.append(one.entry.as_dict() | row | {"inference_seconds": one.seconds, "inference_ms_per_row": speed})
    return table


def held_out_facts(part: Any) -> dict[str, Any]:
    """What all models are measured on."""
    groups = None if part.groups is None else len(np.unique(part.groups))
    return {"rows": len(part), "groups": groups, "targets": list(part.targets)}


def bench(
    models: Sequence[Compared],
    part: Any,
    task: str,
    say: Callable[[str], None],
    compare: Callable[[Sequence[Said]], list[dict[str, Any]]],
    tables: Callable[[Sequence[dict[str, Any]]], Sequence[Table]],
) -> dict[str, Any]:
    """The part of a comparison's document that such a task fills.

    ``compare`` measures what the models said, a row a model, the best first; ``tables`` makes tables of these rows.
    """
    said = ask_all(models, part, task, say)
    document: dict[str, Any] = {"held_out": held_out_facts(part), "table": []}
    if not said:
        return document
    rows = compare(said)
    return document | {"table": told(said, rows, part), "tables": [table.as_dict() for table in tables(rows)]}
