"""Sweeps that the tests run: small ones of a router that trains in a second."""

from __future__ import annotations

import json
from typing import Any

from runner.sweeps import sweep_checking
from runner.sweeps.optuna_study import Chooser
from runner.sweeps.sweep_reading import load_sweep

BASE: dict[str, Any] = {
    "model": {"name": "ratings", "spec": {"model_type": "elo_scoring", "min_model_occurrences": 1}},
    "data": {"dataset": "sample", "max_samples": 600, "validation_split": 0.3, "seed": 1},
    "epochs": 3,
}
SPACE: dict[str, Any] = {"model.spec.k_factor": {"min": 4, "max": 64, "log": True}, "/epochs": [2, 4]}


def sweep(base: dict[str, Any] | str = BASE, **fields: Any) -> dict[str, Any]:
    """A sweep's document; ``fields`` are those of its section."""
    return {"sweep": {"name": "ratings-sweep", "trials": 4, "space": SPACE} | fields, "base": base}


def told(document: dict[str, Any]) -> list[tuple[Any, ...]]:
    """What has to be equal between a sweep that was interrupted and one that was not, trial by trial."""
    names = ("trial", "state", "value", "values", "pruned_at", "name", "metrics")
    return [tuple(trial[name] for name in names) for trial in document["trials"]]


def chooser(document: dict[str, Any]) -> Chooser:
    """What draws the trials of a sweep's document."""
    found = sweep_checking.check(load_sweep(json.dumps(document)))
    return Chooser(found.loaded.sweep, found.space, found.loaded.base_value, [aim.goal for aim in found.aims])
