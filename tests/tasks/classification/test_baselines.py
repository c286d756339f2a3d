"""What a classifier has to beat."""

from __future__ import annotations

import numpy as np
import pytest

from runner.contract import Table
from runner.tasks.classification.baselines import baselines, class_frequencies


def test_every_row_has_the_frequencies_of_training():
    found = class_frequencies({"kind": ("a", "b", "c")}, {"kind": np.array([0, 0, 1, -1])}, 2)
    assert found["kind"] == pytest.approx(np.array([[2, 1, 0], [2, 1, 0]]) / 3)
    assert class_frequencies({"kind": ("a", "b")}, {"kind": np.empty(0, int)}, 1)["kind"].tolist() == [[0.5, 0.5]]


def test_the_table_has_the_metrics_under_their_names():
    targets = {"kind": ("a", "b")}
    table = baselines(targets, {"kind": np.array([0, 0, 1])}, {"kind": np.array([0, 1, 0, 0])}, seed=1).table()
    assert Table.read(table.as_dict()) == table
    assert table.name == "baselines" and table.columns[0] == "model"
    row = dict(zip(table.columns, table.rows[0], strict=True))
    assert row["model"] == "class frequencies"
    assert row["accuracy"] == 0.75
    assert row["accuracy_low"] <= 0.75 <= row["accuracy_high"]
    assert row["auc"] == 0.5


def test_measured_ones_stand_below():
    targets, seen = {"kind": ("a", "b")}, {"kind": np.array([0, 1])}
    right = {"kind": np.eye(2)}
    rows = baselines(targets, seen, seen, seed=1, more={"linear": right}).table().rows
    assert [row[:2] for row in rows] == [["class frequencies", 0.5], ["linear", 1.0]]
