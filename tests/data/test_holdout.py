"""Which rows are held out: by their content, whole groups, a column, a file, or the latest."""

from __future__ import annotations

import random

import numpy as np
import pytest
from pydantic import ValidationError

from runner.errors import DataError
from tests.data.table_rows.conftest import load, table

__all__ = ["table"]

ROWS = {
    "n": list(range(60)),
    "day": [f"2024-{1 + at // 5:02}-{1 + at % 5:02}" for at in range(60)],
    "y": ["a", "b"] * 30,
}


def held(loaded):
    """The held-out rows' first column."""
    return set(loaded.validation.matrix[:, 0].tolist())


def shuffled(columns):
    order = list(range(len(next(iter(columns.values())))))
    random.Random(7).shuffle(order)
    return {name: [values[at] for at in order] for name, values in columns.items()}


def test_the_order_of_the_rows_and_of_the_columns_does_not_decide_who_is_held_out(table):
    one = load(table(ROWS))
    other = load(table(dict(reversed(list(shuffled(ROWS).items()))), "other.csv"))
    numbers = other.validation.matrix[:, other.validation.columns.features.index("n")]
    assert held(one) == set(numbers.tolist())
    assert len(held(one)) == 12


def test_another_seed_holds_out_other_rows(table):
    path = table(ROWS)
    assert held(load(path, seed=1)) != held(load(path, seed=2))


def test_equal_rows_are_on_one_side(table):
    loaded = load(table({"n": list(range(10)) * 6, "m": list(range(1, 11)) * 6, "y": list("abababacbc") * 6}))
    assert not held(loaded) & set(loaded.train.matrix[:, 0].tolist())


def test_every_class_is_held_out_by_its_share_and_one_alone_stays_in_training(table):
    loaded = load(table({"n": list(range(51)), "y": ["a"] * 40 + ["b"] * 10 + ["c"]}))
    assert np.bincount(loaded.validation.targets["y"]).tolist() == [8, 2]
    assert np.bincount(loaded.train.targets["y"]).tolist() == [32, 8, 1]
    assert "'c', which stays in training" in loaded.report.warnings[0]


def test_a_group_is_on_one_side_and_is_no_input(table):
    loaded = load(table(ROWS | {"who": [f"p{at // 6}" for at in range(60)]}), group_column="who")
    assert len(held(loaded)) == 12
    assert not {n // 6 for n in held(loaded)} & {n // 6 for n in loaded.train.matrix[:, 0].tolist()}
    assert "who" not in loaded.train.columns.features


def test_the_latest_rows_are_held_out_and_equal_times_stay_together(table):
    path = table(shuffled(ROWS))
    loaded = load(path, time_column="day", validation_split=0.25)
    assert loaded.train.times.max() < loaded.validation.times.min()
    assert len(loaded.validation) == 15
    assert loaded.report.warnings == []
    months = {"month": [f"2024-{1 + at // 20:02}" for at in range(60)]}
    by_month = load(table(ROWS | months, "months.csv"), time_column="month", validation_split=0.2)
    assert len(by_month.validation) == 20


def test_a_column_may_say_it_and_its_test_rows_are_left_out(table):
    sides = ["train"] * 40 + ["valid"] * 12 + ["test"] * 8
    loaded = load(table(ROWS | {"side": sides}), split_column="side")
    assert (len(loaded.train), len(loaded.validation)) == (40, 12)
    assert loaded.report.rows_dropped == {"test_rows": 8}
    with pytest.raises(DataError, match="'later', which is no side of a split"):
        load(table(ROWS | {"side": ["later", *sides[1:]]}), split_column="side")


def test_another_file_is_measured_on_whatever_the_order_of_its_columns(table):
    other = table({"y": ["b", "a", "west", ""], "day": ["2025-01-01"] * 4, "n": [5, 6, 7, 8]}, "valid.csv")
    loaded = load(table(ROWS), validation_data=str(other))
    assert len(loaded.train) == 60
    assert loaded.validation.matrix[:, 0].tolist() == [5, 6, 7]
    assert loaded.validation.targets["y"].tolist() == [1, 0, -1]
    said = " ".join(loaded.report.warnings)
    assert "count as wrong: 4" in said
    assert "missing_target (1)" in said


def test_two_ways_at_once_are_refused(table):
    with pytest.raises(ValidationError, match="split_column and time_column are two ways"):
        load(table(ROWS), split_column="day", time_column="day")


@pytest.mark.parametrize("way", ["split_column", "validation_data", "group_column", "time_column"])
@pytest.mark.parametrize("share", [0.2, 0.3])
def test_what_nothing_would_use_is_refused_its_default_too_if_it_is_given(table, way, share):
    path = table(ROWS | {"side": ["train"] * 40 + ["valid"] * 20})
    value = {"validation_data": str(path), "time_column": "n"}.get(way, "side")
    assert len(load(path, **{way: value}).validation)
    void = {"stratify": True} | ({"validation_split": share} if way in ("split_column", "validation_data") else {})
    for field, given in void.items():
        with pytest.raises(DataError, match=f"has no effect: {way} says which rows are held out") as caught:
            load(path, **{way: value, field: given})
        assert caught.value.where == f"/data/{field}"


def test_rows_that_cannot_be_divided_are_refused(table):
    with pytest.raises(DataError, match="cannot be divided"):
        load(table({"n": [1, 2] * 5, "who": ["one"] * 10, "y": [1.5] * 10}), classes=False, group_column="who")
    loaded = load(table({"n": [1, 2] * 5, "y": [1.5, 2.5] * 5}), classes=False, validation_split=0)
    assert len(loaded.validation) == 0
