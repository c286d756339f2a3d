"""Targets and texts that are not what they look like: nothing of them is taken without a word."""

from __future__ import annotations

import json

import pytest

from runner.data.labelled_texts.section import NumberTextData
from runner.errors import DataError

HALF = {"validation_split": 0.5}


def rows(*cells: object, name: str = "label") -> list[dict[str, object]]:
    return [{"text": f"a text of number {at}", name: cell} for at, cell in enumerate(cells)]


@pytest.mark.parametrize(
    "labels",
    [["Käse", "Ka\u0308se"], ["a b", "a\u00a0b"], ["a", "a\u200b"], ["Yes", "yes"], ["1", "1.0"]],
    ids=["accents coded twice", "another blank", "without a width", "case", "a fraction of nothing"],
)
def test_classes_that_look_the_same_are_told(load, labels):
    loaded = load(rows(*[*labels, "other"] * 4), **HALF)
    assert len(loaded.train.classes["label"]) == 3
    assert any("differ in case, spacing, the coding" in each for each in loaded.report.warnings)


def test_truths_beside_digits_are_told(load):
    loaded = load(rows(*[True, False, 1, 0] * 3), **HALF)
    assert any("'false', 'true' and '0', '1'" in each for each in loaded.report.warnings)
    assert load(rows(*[True, False] * 4), **HALF).report.warnings == []


def test_classes_that_are_other_classes_joined_are_told_with_the_separator(load):
    loaded = load(rows(*["a", "b", "a|b"] * 4), **HALF)
    assert any("'a|b'" in each and '"label_separator": "|"' in each for each in loaded.report.warnings)
    # A comma in a class is none where its parts are no classes.
    assert load(rows(*["yes, please", "no"] * 4), **HALF).report.warnings == []


def test_spaces_in_lists_of_labels_are_counted(load):
    loaded = load(rows(*[["a "], ["b"], ["a", "b"]] * 4), **HALF)
    assert set(loaded.train.targets) == {"a", "b"}
    assert loaded.report.rows_changed == {"spaces_around_target": 4}


def test_nan_among_words_is_a_missing_target_and_no_class(load):
    text = "".join(json.dumps(row) + "\n" for row in rows(*["a", "b", float("nan")] * 4))
    loaded = load(text, name="train.jsonl", **HALF)
    assert loaded.train.classes == {"label": ("a", "b")}
    assert loaded.report.rows_dropped == {"missing_target": 4}


def test_texts_of_characters_without_a_width_are_empty(load):
    given = [{"text": text, "label": "ab"[at % 2]} for at, text in enumerate(["\u200b", "\ufeff \u2060", "so", "no"])]
    loaded = load([*given, *rows(*["a", "b"] * 3)], **HALF)
    assert loaded.report.rows_dropped == {"empty_text": 2}


def test_numbers_beyond_what_learners_reckon_in_are_infinite(load):
    loaded = load(rows(*range(9), 1e39, name="score"), kind="text_regression", **HALF)
    assert loaded.report.rows_dropped == {"infinite_target": 1}


def test_one_number_in_every_row_is_nothing_to_learn(load):
    loaded = load(rows(*[3] * 8, name="score"), kind="text_regression", **HALF)
    with pytest.raises(DataError, match="'score' is 3 in every row"):
        NumberTextData(dataset="train.jsonl").need_learnable(loaded)


def test_a_list_of_numbers_is_refused_with_what_to_do_here(load):
    with pytest.raises(DataError) as refused:
        load(rows(*[[1, 2]] * 6, name="score"), kind="text_regression")
    assert "target_columns" in str(refused.value.hint)
    assert "ignored_columns" not in str(refused.value.hint)


def test_thousands_are_asked_about(load):
    csv = "text,score\n" + "".join(f'text {at},"1,{at}00"\n' for at in range(6))
    with pytest.raises(DataError) as refused:
        load(csv, kind="text_regression")
    assert "thousands" in str(refused.value.hint)


def test_the_class_of_those_that_have_none_is_told(load):
    loaded = load(rows(*[0, 1, 2, -1] * 4), **HALF)
    assert any("the class -1 of 4 rows" in each for each in loaded.report.warnings)
    # Of two numbers, one below nought and one above, each is a class.
    assert load(rows(*[1, -1] * 4), **HALF).report.warnings == []


def test_texts_that_are_lists_of_words_are_counted(load):
    lists = [{"text": ["a", "text", str(at)], "label": "ab"[at % 2]} for at in range(8)]
    loaded = load(lists, **HALF)
    assert loaded.report.rows_changed == {"words_joined": 8}
    assert ("a text 0",) in [*loaded.train.texts, *loaded.validation.texts]
