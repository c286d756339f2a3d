"""Numbers that float32 would merge: what is taken off them first, what is said where that is not enough."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from runner.data.table_rows.cells import of_rows
from runner.data.table_rows.column_encoding import Columns
from tests.data.table_rows.conftest import load

CLASSES = ["a", "b"] * 30


def distinct(loaded, feature):
    at = loaded.train.columns.features.index(feature)
    return np.unique(np.concatenate([loaded.train.matrix[:, at], loaded.validation.matrix[:, at]]))


@pytest.mark.parametrize(
    ("numbers", "count"),
    [
        ([1_700_000_000 + at for at in range(60)], 60),
        ([10**17 + at % 4 for at in range(60)], 4),
        ([10**25 + at % 4 for at in range(60)], 4),
        ([1_700_000_000.5 + at for at in range(60)], 60),
    ],
)
def test_large_numbers_stay_apart_in_training_and_when_asked(table, numbers, count):
    loaded = load(table({"n": list(range(60)), "big": numbers, "y": CLASSES}))
    assert len(distinct(loaded, "big")) == count
    assert loaded.report.warnings == []
    columns = Columns.read_dict(json.loads(json.dumps(loaded.train.columns.as_dict())))
    rows = of_rows("asked", [{"n": 1, "big": value} for value in numbers], ["n", "big"], untyped=False)
    assert len(np.unique(columns.encode(rows)[0][:, 1])) == count
    assert set(columns.encode(rows)[0][:, 1]) == set(distinct(loaded, "big"))


def test_large_whole_numbers_of_parquet_stay_apart(tmp_path):
    path = tmp_path / "table.parquet"
    big = pa.array([None if at == 7 else 10**17 + at % 4 for at in range(60)], pa.int64())
    parquet.write_table(pa.table({"n": list(range(60)), "big": big, "y": CLASSES}), path)
    found = distinct(load(path), "big")
    assert found[:4].tolist() == [0, 1, 2, 3]
    assert np.isnan(found[4:]).all()


def test_a_range_too_wide_is_said_with_how_many_are_merged(table):
    loaded = load(table({"n": list(range(60)), "big": [0, *(10**12 + at for at in range(59))], "y": CLASSES}))
    (warning,) = loaded.report.warnings
    assert "column 'big' has" in warning
    assert "are not told apart" in warning


def test_a_column_is_constant_only_if_its_exact_numbers_are(table):
    path = table({"n": list(range(60)), "big": [10**17 + 1] * 60, "y": CLASSES})
    assert load(path).record["columns_left_out"] == {"big": "is 100000000000000001 in every row of training"}


def test_columns_that_float32_holds_have_no_offset(table):
    columns = {"n": list(range(60)), "small": [at / 7 for at in range(60)], "y": CLASSES}
    assert all("offset" not in column for column in load(table(columns)).train.columns.as_dict()["columns"])


def test_the_preview_shows_the_numbers_of_the_file(desk):
    path = desk.home / "rows.csv"
    path.write_text("n,big,y\n" + "".join(f"{at},{10**17 + at % 4},{'ab'[at % 2]}\n" for at in range(24)))
    words = ("data", "show", path, "--kind", "tabular_classification", "--columns", '{"target": "y"}', "--rows", "30")
    shown = desk(*words, "--json").ok().json
    assert {row[shown["columns"].index("big")] for row in shown["rows"]} == {10**17 + at for at in range(4)}
