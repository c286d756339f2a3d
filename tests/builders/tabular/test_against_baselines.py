"""What a training of a table says of its model beside the best of the baselines, on the terminal and on the page."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from tests.builders.tabular.conftest import Bench

WEAK = {"learner_type": "xgboost", "n_estimators": 1, "max_depth": 1, "early_stopping_split": 0}
FOREST = {"learner_type": "random_forest", "n_estimators": 40}


def columns(kind: str, count: int) -> dict[str, Sequence[Any]]:
    """Two numbers, and what is to be foretold of them."""
    a, b = np.random.default_rng(5).normal(size=(2, count))
    noise = np.random.default_rng(6).normal(size=count)
    return {"a": a.round(4).tolist(), "b": b.round(4).tolist(), "y": {
        # No line divides the classes; a line does, which one question of a tree does not; nothing does.
        "quarters": np.where(a * b > 0, "same", "other"),
        "line": np.where(a + b > 0, "over", "under"),
        "noise": np.where(noise > 0, "over", "under"),
        "slope": (a + b).round(4),
        "product": (a * b).round(4),
    }[kind].tolist()}  # fmt: skip


@pytest.mark.parametrize(
    ("task", "target", "learner", "words", "sure"),
    [
        ("classification", "quarters", FOREST, ("above the best baseline, ", " (paired 95 % interval +"), True),
        ("classification", "noise", FOREST, ("NOT surely better than the best baseline, ", " interval -"), False),
        ("classification", "line", WEAK, ("NOT better than the best baseline, linear", "below (paired "), False),
        ("regression", "product", FOREST, ("above the best baseline, ", " (paired 95 % interval +"), True),
        ("regression", "slope", WEAK, ("NOT better than the best baseline, linear", "below (paired "), False),
    ],
)
def test_the_paired_difference_decides_what_is_said(bench: Bench, task, target, learner, words, sure):
    path = bench.table(columns(target, 300))
    spec = bench.spec(task, {"dataset": str(path), "validation_split": 0.3}, learner=learner, importance_repeats=0)
    told = bench.desk("train", "--spec-file", spec, "--executor", "local").ok()
    said = [line for line in (told.out + told.err).splitlines() if "the best baseline" in line]
    assert len(said) == 1 and all(part in said[0] for part in words)
    against = json.loads((bench.desk.only_run() / "tables.json").read_text())["against_best"]
    assert against["note"] == said[0]
    cells: Mapping[str, Any] = dict(zip(against["columns"], against["rows"][0], strict=True))
    assert cells["low"] <= cells["difference"] <= cells["high"] and cells["surely better"] is sure
    bench.desk("runs", "show", "last", "--html").ok()
    (page,) = bench.desk.only_run().rglob("*.html")
    assert said[0] in html.unescape(page.read_text())


def test_a_few_held_out_rows_tell_nothing_apart(bench: Bench):
    path = bench.table(columns("quarters", 40))
    document = bench.run("classification", {"dataset": str(path), "validation_split": 0.1}, learner=FOREST)
    assert document["metrics"]["n_validation"] < 6
    note = document["tables"]["against_best"]["note"]
    assert note.startswith("NOT ") and note.endswith(" (too few held-out rows for an interval)")
