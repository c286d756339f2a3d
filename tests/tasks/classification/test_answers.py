"""What a classifier's records hold, option by option, and how they lie in Parquet."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from runner.errors import RunFailed, UsageError
from runner.tasks.classification import TASK
from runner.tasks.classification.options import ClassificationOptions

FLOWERS = ("setosa", "versicolor", "virginica")


@dataclass
class Row:
    values: list[float]
    id: str | None = None
    line: int = 0


class Classifier:
    """Says what stands in the rows: the probabilities of all targets, one after the other."""

    def __init__(self, targets, thresholds=None):
        self.targets = targets
        if thresholds is not None:
            self.thresholds = thresholds

    def predict(self, rows, options, batch_size):
        said = np.array([row.values for row in rows], float).reshape(len(rows), -1)
        ends = np.cumsum([len(classes) for classes in self.targets.values()])
        return dict(zip(self.targets, np.split(said, ends[:-1], axis=1), strict=True))


def opened(predictor, **options):
    return TASK.room("answers").open_answers(predictor, ClassificationOptions(**options), print)


def test_a_record_is_a_label_with_its_score():
    answers = opened(Classifier({"species": FLOWERS}))
    assert answers.answer([Row([0.1, 0.2, 0.7]), Row([0.5, 0.3, 0.2])], 8) == [
        {"label": "virginica", "score": 0.7},
        {"label": "setosa", "score": 0.5},
    ]
    assert answers.columns() == [("label", "string"), ("score", "double")]
    assert answers.document_key == "predictions"
    assert answers.warnings == []
    assert answers.answer([], 8) == []


def test_every_option_changes_the_records():
    row = Row([0.1, 0.2, 0.7])
    (record,) = opened(Classifier({"species": FLOWERS}), probabilities=True, top_k=2).answer([row], 8)
    assert record == {
        "label": "virginica",
        "score": 0.7,
        "top": [{"label": "virginica", "score": 0.7}, {"label": "versicolor", "score": 0.2}],
        "probabilities": {"setosa": 0.1, "versicolor": 0.2, "virginica": 0.7},
    }
    two = Classifier({"ripe": ("no", "yes")})
    assert opened(two).answer([Row([0.6, 0.4])], 8) == [{"label": "no", "score": 0.6}]
    assert opened(two, threshold=0.4).answer([Row([0.6, 0.4])], 8) == [{"label": "yes", "score": 0.4}]


def test_the_model_s_own_threshold_decides_unless_another_is_asked_for():
    stored = Classifier({"ripe": ("no", "yes")}, {"ripe": 0.3})
    row = Row([0.6, 0.4])
    assert opened(stored).answer([row], 8)[0]["label"] == "yes"
    assert opened(stored, threshold=0.5).answer([row], 8)[0]["label"] == "no"
    assert opened(stored).facts()["thresholds"] == {"ripe": 0.3}
    assert opened(stored, threshold=0.5).facts()["thresholds"] == {"ripe": 0.5}


def test_a_threshold_without_two_classes_is_refused():
    with pytest.raises(UsageError, match="3 of 'species'"):
        opened(Classifier({"species": FLOWERS}), threshold=0.4)


@pytest.mark.parametrize("options", [{"top_k": 0}, {"threshold": 1.5}, {"threshold": -0.1}, {"topk": 3}])
def test_what_is_no_option_is_refused(options):
    with pytest.raises(ValidationError):
        ClassificationOptions(**options)


def test_more_classes_than_there_are_is_said_and_gives_all():
    answers = opened(Classifier({"species": FLOWERS}), top_k=9)
    assert "there are 3 classes" in answers.warnings[0]
    assert len(answers.answer([Row([0.1, 0.2, 0.7])], 8)[0]["top"]) == 3


def test_several_targets_have_a_label_each():
    targets = {"species": FLOWERS, "ripe": ("no", "yes")}
    (record,) = opened(Classifier(targets), top_k=3).answer([Row([0.1, 0.2, 0.7, 0.9, 0.1])], 8)
    assert list(record) == ["labels"]
    assert record["labels"]["species"]["label"] == "virginica"
    assert record["labels"]["ripe"] == {
        "label": "no",
        "score": 0.9,
        "top": [{"label": "no", "score": 0.9}, {"label": "yes", "score": 0.1}],
    }


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_score_that_is_no_number_names_the_row(value):
    answers = opened(Classifier({"species": FLOWERS}))
    fine = Row([0.1, 0.2, 0.7])
    with pytest.raises(RunFailed, match=r"'species' .* id 'iris-9'"):
        answers.answer([fine, Row([value, 0, 0], id="iris-9", line=4)], 8)
    with pytest.raises(RunFailed, match="line 4"):
        answers.answer([fine, Row([0, 0, value], line=4)], 8)


@settings(max_examples=40, deadline=None)
@given(st.booleans(), st.none() | st.integers(1, 5), st.booleans(), st.integers(0, 5), st.integers(1, 4))
def test_records_lie_in_the_columns_that_were_fixed_before(probabilities, top_k, several, count, seed):
    targets = {"species": FLOWERS} | ({"ripe": ("no", "yes")} if several else {})
    answers = opened(Classifier(targets), probabilities=probabilities, top_k=top_k)
    columns = answers.columns()
    width = sum(len(classes) for classes in targets.values())
    rows = [Row(values) for values in np.random.default_rng(seed).random((count, width)).tolist()]
    records = answers.answer(rows, 2)
    assert len(records) == count
    assert json.loads(json.dumps(records, allow_nan=False)) == records
    assert len({name for name, _ in columns}) == len(columns)
    kinds = {"string": str, "double": float}
    for record in records:
        cells = answers.flat(record)
        assert [type(cell) for cell in cells] == [kinds[kind] for _, kind in columns]
        by_name = dict(zip((name for name, _ in columns), cells, strict=True))
        own = record["labels"] if several else {"": record}
        for target, said in own.items():
            start = f"{target}/" if target else ""
            assert by_name[f"{start}label"] == said["label"]
            for name, value in said.get("probabilities", {}).items():
                assert by_name[f"{start}probabilities/{name}"] == value


def test_names_that_would_make_one_column_of_two_are_refused_for_parquet_alone():
    odd = Classifier({"a": ("label", "x"), "a/probabilities": ("y", "z")})
    answers = opened(odd, probabilities=True)
    assert answers.answer([Row([0.5, 0.5, 0.1, 0.9])], 1)
    with pytest.raises(UsageError, match="'a/probabilities/label'"):
        answers.columns()


def test_the_provenance_has_the_classes_and_what_the_predictor_counted():
    class Counting(Classifier):
        def provenance(self):
            return {"unseen_categories": {"town": 2}}

    told = opened(Counting({"ripe": ("no", "yes")}), top_k=1).provenance()
    assert told == {
        "options": {"top_k": 1, "probabilities": False, "threshold": None},
        "thresholds": {"ripe": 0.5},
        "classes": {"ripe": ["no", "yes"]},
        "unseen_categories": {"town": 2},
    }
