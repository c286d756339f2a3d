"""Models side by side: one of them is in memory at a time."""

from __future__ import annotations

import json
import weakref
from pathlib import Path

from runner import registry
from runner.cli.app import run
from tests.examples import example

DATA = {"dataset": "sample", "max_samples": 300, "validation_split": 0.3, "seed": 7}
KINDS = ("least_squares_scoring", "elo_scoring", "greedy_ranking")


def test_a_model_is_let_go_before_the_next_is_loaded(desk, monkeypatch):
    files = [desk.write(f"{kind}.json", example(kind, data=DATA)) for kind in KINDS]
    first = desk("compare", *files, "--executor", "local", "--json").ok().json

    load, made, living = registry.load_predictor, [], []

    def watched(*words, **more):
        living.append(sum(one() is not None for one in made))
        predictor = load(*words, **more)
        # A ring, as a network has them: only the garbage collector frees it.
        object.__setattr__(predictor, "ring", predictor)
        made.append(weakref.ref(predictor))
        return predictor

    monkeypatch.setattr(registry, "load_predictor", watched)
    for name, value in desk.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(desk.home)
    assert run(["compare", *map(str, files), "--reuse", "--executor", "local", "--output-dir", "again"]) == 0
    assert len(living) >= len(KINDS)
    assert not any(living)
    again = json.loads(Path("again", "comparison.json").read_text())
    assert [(row["model"], row["accuracy"]) for row in again["models"]] == [
        (row["model"], row["accuracy"]) for row in first["models"]
    ]
