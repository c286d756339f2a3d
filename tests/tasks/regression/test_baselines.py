"""What a regressor has to beat."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.tasks.regression.baselines import baselines, mean, median


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_mean_and_median_are_numpy_s(values):
    train = {"price": np.array(values)}
    assert mean(train, 2)["price"] == pytest.approx([np.mean(values)] * 2, abs=1e-6)
    assert median(train, 2)["price"] == pytest.approx([np.median(values)] * 2)


def test_large_numbers_have_a_mean_and_a_median():
    train = {"price": np.array([1.7e308, 1.6e308])}
    assert mean(train, 1)["price"][0] == pytest.approx(1.65e308)
    assert median(train, 1)["price"][0] == pytest.approx(1.65e308)


def test_the_mean_of_the_same_rows_explains_nothing_and_the_median_errs_least():
    train = {"price": np.array([1.0, 2.0, 3.0, 10.0])}
    table = baselines(train, train, seed=1).table()
    first, second = (dict(zip(table.columns, row, strict=True)) for row in table.rows)
    assert [first["model"], second["model"]] == ["mean", "median"]
    assert first["r2"] == pytest.approx(0)
    assert second["mae"] < first["mae"] and second["rmse"] > first["rmse"]
