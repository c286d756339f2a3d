"""Numbers from a table, from the spec to the stored model's answers."""

from __future__ import annotations

import numpy as np
import pytest

from runner.errors import DataError

LINEAR = {"learner_type": "linear"}


def rows(n=48):
    return {
        "day": [f"{1 + at % 28:02}.{1 + at // 28:02}.2024" for at in range(n)],
        "colour": ["red", "blue"] * (n // 2),
        "size": [float(at % 9) for at in range(n)],
        "y": [1000 + 20 * (at % 9) + 5 * (at % 2) for at in range(n)],
    }


def test_answers_are_in_the_targets_own_unit_and_beat_the_dummy(bench):
    path = bench.table(rows())
    document = bench.train("regression", {"dataset": str(path)}, learner=LINEAR, folds=2)
    assert document["metrics"]["r2"] > 0.9
    dummy = document["tables"]["baselines"]["rows"][0]
    assert dummy[1] < 0.1
    answers, predictor = bench.ask(document, path)
    assert predictor.targets == ("y",)
    assert np.abs(answers[0]["y"] - rows()["y"]).max() < 25


def test_a_category_that_training_did_not_have_is_counted_or_refused_as_the_spec_says(bench):
    path = bench.table(rows())
    asked = bench.table(
        {"colour": ["red", "green", "", "green"], "size": [1, 2, 3, "inf"], "day": ["01.01.2024"] * 4}, "asked.csv"
    )
    document = bench.train("regression", {"dataset": str(path)}, learner=LINEAR)
    answers, predictor = bench.ask(document, asked)
    assert np.isfinite(answers[0]["y"]).all()
    assert predictor.provenance()["unseen_categories"] == {"colour": {"green": 2}}
    assert predictor.provenance()["infinite_numbers"] == {"size": 1}
    assert "'green' (2)" in predictor.closing()[0]
    strict = bench.train("regression", {"dataset": str(path)}, learner=LINEAR, unseen_categories="error")
    with pytest.raises(DataError, match="'green' \\(2\\)"):
        bench.ask(strict, asked)


def test_several_targets_are_each_learnt(bench):
    columns = rows() | {"z": [-size for size in rows()["size"]]}
    path = bench.table(columns)
    document = bench.train("regression", {"dataset": str(path), "target_columns": ["y", "z"]}, learner=LINEAR)
    answers, _ = bench.ask(document, path)
    assert answers[0]["y"].min() > 900
    assert answers[0]["z"].max() < 1
    assert document["metrics"]["z/r2"] > 0.9
    assert {"importance/y", "importance/z"} <= document["tables"].keys()


@pytest.mark.parametrize("field", [{"imputation": "median"}, {"imputation": -5.0}, {"scaling": "minmax"}])
def test_filling_and_scaling_change_what_the_learner_sees(bench, field):
    columns = rows()
    columns["size"][::5] = [""] * len(columns["size"][::5])
    path = bench.table(columns)
    learner = {"learner_type": "linear", "scale": False}
    data = {"dataset": str(path), "ignored_columns": ["day"]}
    plain = bench.train("regression", data, learner=learner, importance_repeats=0)
    other = bench.train("regression", data, learner=learner, importance_repeats=0, **field)
    said = [bench.ask(document, path)[0][0]["y"] for document in (plain, other)]
    assert np.isfinite(said[1]).all()
    assert not np.allclose(said[0], said[1])


def test_without_held_out_rows_there_are_no_metrics_but_a_model(bench):
    path = bench.table(rows())
    document = bench.train("regression", {"dataset": str(path), "validation_split": 0}, learner=LINEAR)
    assert document["metrics"]["r2"] is None
    assert len(bench.ask(document, path)[0][0]["y"]) == 48
