"""Regressors side by side: the order, and the paired difference against drawing rows by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import r2_score

from runner.tasks.regression import TASK
from runner.tasks.regression.comparing import compare, comparison_tables
from runner.tasks.regression.measuring import measure_regression


@pytest.fixture
def noisy():
    rng = np.random.default_rng(1)
    actual = rng.normal(size=150)
    shared = rng.normal(size=150)
    said = {
        "near": actual + 0.50 * shared,
        "far": actual + 0.56 * shared,
        "other": actual + 0.5 * rng.normal(size=150),
        "blind": np.zeros(150),
    }
    return [(label, {"price": values}) for label, values in said.items()], {"price": actual}


def test_the_greatest_r2_is_first_and_pairs_tell_apart_what_intervals_do_not(noisy):
    models, actual = noisy
    rows = {row["label"]: row for row in compare(models, actual, None, 7)}
    assert list(rows)[-1] == "blind"
    scores = [row["r2"] for row in rows.values()]
    assert scores == sorted(scores, reverse=True)
    paired = {row["label"]: row for row in compare(models[:2], actual, None, 7)}
    assert paired["near"]["best"]
    assert paired["far"]["r2_high"] > paired["near"]["r2_low"]
    assert not paired["far"]["tied_with_best"]


def test_the_difference_is_drawn_over_the_same_rows(noisy):
    models, actual = noisy
    rows = compare(models[:2], actual, None, 7)
    true, (near, far) = actual["price"], (outputs["price"] for _, outputs in models[:2])
    gaps = []
    for drawn in np.random.default_rng([7, 0x62]).integers(150, size=(1000, 150)):
        gaps.append(r2_score(true[drawn], far[drawn]) - r2_score(true[drawn], near[drawn]))
    gap = rows[1]["versus_best"]
    assert [gap["low"], gap["high"]] == pytest.approx(np.percentile(gaps, [2.5, 97.5]), rel=1e-6)
    assert gap["value"] == pytest.approx(rows[1]["r2"] - rows[0]["r2"])


def test_a_model_s_own_figures_are_those_that_its_training_told(noisy):
    models, actual = noisy
    groups = np.arange(150) // 3
    (row,) = compare(models[:1], actual, groups, 7)
    told, _ = measure_regression(models[0][1], actual, seed=7, groups=groups)
    assert {name: row[name] for name in told} == told


def test_without_an_r2_the_smaller_error_is_first_and_none_is_best():
    actual = {"price": np.ones(5)}
    rows = compare([("far", {"price": np.zeros(5)}), ("near", {"price": np.full(5, 0.9)})], actual, None, 0)
    assert [row["label"] for row in rows] == ["near", "far"]
    assert all("best" not in row for row in rows)
    json.dumps([rows, comparison_tables(rows)[0].as_dict()], allow_nan=False)


def test_the_table_has_a_row_a_model_and_every_measure(noisy):
    models, actual = noisy
    rows = compare(models, actual, None, 7)
    (table,) = comparison_tables(rows)
    assert [row[0] for row in table.rows] == [row["label"] for row in rows]
    assert {measure.column for measure in TASK.measures} <= set(table.columns)
    # An error in the target's unit keeps its own figures.
    assert "RMSE" not in table.decimals and table.decimals["R2"] == 3
    json.dumps([rows, table.as_dict()], allow_nan=False)
