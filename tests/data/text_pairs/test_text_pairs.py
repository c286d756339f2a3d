"""Pairs of texts: columns found by their names, rows that are dropped, scores in their range."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.contract import LoadContext, LoadedData, ModelSpec
from runner.data.text_pairs.section import TextPairsData
from runner.errors import DataError


@pytest.fixture
def load(tmp_path: Path) -> Any:
    """A file of rows as the layout loads it."""

    def load(rows: list[dict[str, Any]] | str, **fields: Any) -> LoadedData:
        path = tmp_path / ("rows.csv" if isinstance(rows, str) else "rows.jsonl")
        path.write_text(rows if isinstance(rows, str) else "".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        section = TextPairsData.model_validate({"dataset": str(path), "validation_split": 0} | fields)
        section.check(tmp_path)
        return section.load(LoadContext(ModelSpec(model_type="pairs"), tmp_path, lambda *_, **__: None))

    return load


def test_texts_are_found_by_their_columns_names_wherever_they_stand(load):
    found = load("id,answer,question,source\n1,At the office.,Where do I pay?,faq\n2,Ten.,How many?,mail\n")
    assert [(row.anchor, row.positive, row.negatives) for row in found.train] == [
        ("Where do I pay?", "At the office.", ()),
        ("How many?", "Ten.", ()),
    ]
    assert found.report is not None and found.report.facts["unused_columns"] == ["id", "source"]


@pytest.mark.parametrize(
    ("columns", "form"),
    [
        ("sentence1,sentence2,score", "pair_score"),
        ("premise,hypothesis,label", "pair_class"),
        ("anchor,positive,negative", "triplet"),
        ("query,document", "pair"),
    ],
)
def test_what_the_columns_are_called_says_what_a_row_is(load, columns, form):
    names = columns.split(",")
    rows = "".join(
        ",".join(f"{name}{at}" if name not in ("score",) else f"0.{at}" for name in names) + "\n" for at in range(4)
    )
    assert load(f"{columns}\n{rows}").record["form"] == form


def test_a_column_that_the_spec_names_is_the_texts_and_no_other(load):
    rows = [{"question": f"q{at}", "answer": f"a{at}", "context": f"c{at}"} for at in range(3)]
    found = load(rows, columns={"anchor": "question", "positive": "context"})
    assert [row.positive for row in found.train] == ["c0", "c1", "c2"]
    with pytest.raises(DataError, match="'answer' or 'context' could belong to 'question'"):
        load(rows)


def test_rows_that_teach_nothing_are_dropped_and_named(load):
    found = load(
        [
            {"anchor": "a", "positive": "b"},
            {"anchor": "same", "positive": " same"},
            {"anchor": "", "positive": "b"},
            {"anchor": "a", "positive": None},
            {"anchor": "c", "positive": "d"},
            {"anchor": "c", "positive": "d"},
        ]
    )
    assert found.report is not None
    assert found.report.rows_dropped == {"identical_pair": 1, "empty_anchor": 1, "empty_positive": 1}
    assert found.report.named["identical_pair"] == [2] and found.report.named["duplicates"] == [6]
    assert len(found.train) == 3


def test_a_negative_that_belongs_is_none(load):
    found = load(
        [
            {"anchor": "a", "positive": "b", "negative": "b "},
            {"anchor": "c", "positive": "d", "negative": ["d", "e"]},
            {"anchor": "f", "positive": "g", "negative": ""},
        ]
    )
    assert found.report is not None
    assert found.report.rows_dropped == {"negative_belongs": 1}
    assert found.report.rows_changed == {"negative_belongs_left_out": 1, "no_negative": 1}
    assert [row.negatives for row in found.train] == [("e",), ()]


@pytest.mark.parametrize(
    ("scores", "fields", "expected"),
    [
        (["0", "1"], {}, [0.0, 1.0]),
        (["-1", "0.5"], {}, [-1.0, 0.5]),
        (["0", "5"], {}, [0.0, 1.0]),
        (["2", "3"], {"score_range": [1, 5]}, [0.25, 0.5]),
    ],
)
def test_scores_become_numbers_of_their_range(load, scores, fields, expected):
    rows = [{"sentence1": f"a{at}", "sentence2": f"b{at}", "score": score} for at, score in enumerate(scores)]
    assert [row.score for row in load(rows, **fields).train] == expected


def test_scores_of_no_known_range_are_refused_and_those_beyond_a_given_one_dropped(load):
    rows = [{"sentence1": f"a{at}", "sentence2": f"b{at}", "score": at - 3} for at in range(8)]
    with pytest.raises(DataError, match="from -3 to 4"):
        load(rows)
    found = load(rows, score_range=[0, 4])
    assert found.report is not None and found.report.rows_dropped == {"score_out_of_range": 3}


def test_labels_with_fractions_are_scores(load):
    rows = [{"sentence1": f"a{at}", "sentence2": f"b{at}", "label": at / 4} for at in range(5)]
    found = load(rows)
    assert found.record["form"] == "pair_score" and [row.score for row in found.train] == [0, 0.25, 0.5, 0.75, 1]


def test_one_pair_with_two_scores_is_told(load):
    rows = [{"sentence1": "a", "sentence2": "b", "score": score} for score in (0, 1)]
    found = load([*rows, {"sentence1": "c", "sentence2": "d", "score": 0}])
    assert found.report is not None and any("more than one score" in each for each in found.report.warnings)


def test_rows_of_which_nothing_can_be_told_apart_are_refused():
    from runner.data.dialogues.row_types import PairRow
    from runner.data.text_pairs.prepared_pairs import need_differences

    with pytest.raises(DataError, match="has the score"):
        need_differences([PairRow(at, f"a{at}", f"b{at}", score=1.0) for at in range(3)])
    with pytest.raises(DataError, match="the same first text"):
        need_differences([PairRow(at, "a", f"b{at}") for at in range(3)])
    with pytest.raises(DataError, match="the same second text"):
        need_differences([PairRow(at, f"a{at}", "b") for at in range(3)])


def test_a_range_of_which_scores_are_the_lower_half_is_told(load):
    def rows(most):
        return [{"sentence1": f"one {at}", "sentence2": f"two {at}", "score": most * at / 3} for at in range(4)]

    said = load(rows(15)).report.warnings
    assert any("from 0 to 15, and are taken as of 0 to 100" in each for each in said)
    assert load(rows(15), score_range=[0, 15]).report.warnings == []
    for most in (1, 4, 5, 9, 88):
        assert load(rows(most)).report.warnings == []


@pytest.mark.parametrize("labels", [("1", "1.0"), ("Yes", "yes")])
def test_classes_that_look_the_same_are_told(load, labels):
    rows = [{"premise": f"one {at}", "hypothesis": f"two {at}", "label": labels[at % 2]} for at in range(8)]
    assert any("a fraction of nothing alone" in each for each in load(rows).report.warnings)


def test_the_class_of_those_that_have_none_is_told(load):
    rows = [{"premise": f"one {at}", "hypothesis": f"two {at}", "label": at % 4 - 1} for at in range(8)]
    assert any("the class -1 of 2 rows" in each for each in load(rows).report.warnings)
    assert load([row | {"label": row["label"] + 1} for row in rows]).report.warnings == []
