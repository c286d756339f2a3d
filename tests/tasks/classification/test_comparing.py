"""Classifiers side by side: the order, the paired difference, and classes that not every model knows."""

from __future__ import annotations

import json

import numpy as np
import pytest

from runner.tasks.classification import TASK
from runner.tasks.classification.comparing import compare, comparison_tables, in_shared_classes
from runner.tasks.classification.measuring import measure_classification

TARGETS = {"ripe": ("no", "yes")}


def sure(decided, confidence=0.9):
    """Probabilities of two classes that decide so."""
    said = np.where(np.asarray(decided) == 1, confidence, 1 - confidence)
    return {"ripe": np.column_stack([1 - said, said])}


@pytest.fixture
def three():
    rng = np.random.default_rng(1)
    actual = rng.integers(0, 2, 400)
    easy = rng.random(400) < 0.7
    better = easy | (rng.random(400) < 0.2)
    models = [
        ("plain", sure(np.where(easy, actual, 1 - actual))),
        ("poor", sure(rng.integers(0, 2, 400))),
        ("better", sure(np.where(better, actual, 1 - actual))),
        ("modest", sure(np.where(better, actual, 1 - actual), 0.55)),
    ]
    return models, {"ripe": actual}


def test_the_most_accurate_is_first_and_the_others_are_told_apart_by_pairs(three):
    models, actual = three
    rows = compare(models, actual, None, 7)
    assert [row["label"] for row in rows] == ["better", "modest", "plain", "poor"]
    assert [row["best"] for row in rows] == [True, False, False, False]
    # Equally accurate, and nearer to how often it is right.
    assert rows[0]["accuracy"] == rows[1]["accuracy"] and rows[0]["log_loss"] < rows[1]["log_loss"]
    assert [row["tied_with_best"] for row in rows] == [True, True, False, False]
    plain = rows[2]
    assert plain["versus_best"]["value"] == pytest.approx(plain["accuracy"] - rows[0]["accuracy"])
    assert plain["versus_best"]["low"] <= plain["versus_best"]["value"] <= plain["versus_best"]["high"] < 0
    assert rows[0]["versus_best"] == {"value": 0, "low": 0, "high": 0}


def test_a_model_s_own_figures_are_those_that_its_training_told(three):
    models, actual = three
    groups = np.arange(400) // 5
    for row, (_, outputs) in zip(compare(models[:1], actual, groups, 7), models[:1], strict=True):
        told, _ = measure_classification(TARGETS, outputs, actual, seed=7, groups=groups)
        assert {name: row[name] for name in told} == told
        assert row["log_loss_low"] <= row["log_loss"] <= row["log_loss_high"]


def test_every_model_decides_by_its_own_threshold():
    actual = {"ripe": np.array([0, 1, 1, 0])}
    low = {"ripe": np.array([[0.9, 0.1], [0.7, 0.3], [0.6, 0.4], [0.8, 0.2]])}
    rows = compare([("half", low), ("own", low)], actual, None, 0, [None, {"ripe": 0.25}])
    assert [(row["label"], row["accuracy"]) for row in rows] == [("own", 1.0), ("half", 0.5)]


def test_nothing_held_out_has_no_best():
    rows = compare([("one", {"ripe": np.empty((0, 2))})], {"ripe": np.empty(0, int)}, None, 0)
    assert rows[0]["accuracy"] is None
    assert "best" not in rows[0]
    assert comparison_tables(rows)[0].rows[0][:2] == ["one", None]


def test_the_table_has_a_row_a_model_and_every_measure(three):
    models, actual = three
    rows = compare(models, actual, None, 7)
    (table,) = comparison_tables(rows)
    assert table.plot == "bars"
    assert [row[0] for row in table.rows] == ["better", "modest", "plain", "poor"]
    assert {measure.column for measure in TASK.measures} <= set(table.columns)
    assert all(len(row) == len(table.columns) for row in table.rows)
    json.dumps([rows, table.as_dict()], allow_nan=False)


def test_several_targets_are_compared_as_one_and_shown_one_by_one():
    rng = np.random.default_rng(2)
    actual = {name: rng.integers(0, 3, 50) for name in ("a", "b")}
    models = [(label, {name: rng.dirichlet(np.ones(3), 50) for name in actual}) for label in ("x", "y")]
    rows = compare(models, actual, None, 7)
    _, table = comparison_tables(rows)
    assert table.columns == ["target", rows[0]["label"], rows[1]["label"]]
    assert table.rows == [[name, rows[0][f"{name}/accuracy"], rows[1][f"{name}/accuracy"]] for name in actual]
    gap = rows[1]["versus_best"]["value"]
    assert gap == pytest.approx(rows[1]["accuracy"] - rows[0]["accuracy"])


def test_classes_that_a_model_does_not_know_have_no_probability_in_it():
    said = {"ripe": np.array([[0.2, 0.8], [0.6, 0.4]])}
    found = in_shared_classes(said, {"ripe": ("yes", "no")}, {"ripe": ("maybe", "no", "yes")})
    assert found["ripe"].tolist() == [[0, 0.8, 0.2], [0, 0.4, 0.6]]
