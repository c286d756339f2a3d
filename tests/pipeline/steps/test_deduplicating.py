"""``dedupe``: each row once, over all parts; the first stays, and each that goes is named with it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import DataError
from tests.pipeline.steps.made import asked, done, lines

ROW = {"user": "What is it?", "assistant": "It is a thing."}


def test_the_first_of_equal_rows_stays(tmp_path):
    rows = [ROW, ROW | {"assistant": "Other."}, {"user": "What  is it?\n", "assistant": "It is a thing."}]
    report, parts = done("dedupe", lines(tmp_path / "rows.jsonl", rows), tmp_path / "out")
    assert parts["data"] == rows[:2]
    assert report.named == {"equal": ["rows.jsonl:3 (first: rows.jsonl:1)"]}


def test_what_is_equal_is_an_option(tmp_path):
    rows = lines(tmp_path / "rows.jsonl", [ROW, {"user": "what is IT?", "assistant": "It is a thing."},
                                           {"user": "What  is it?", "assistant": "It is a thing."}])  # fmt: skip
    assert len(done("dedupe", rows, tmp_path / "a")[1]["data"]) == 2
    assert len(done("dedupe", rows, tmp_path / "b", casefold=True)[1]["data"]) == 1
    assert len(done("dedupe", rows, tmp_path / "c", whitespace=False)[1]["data"]) == 3


def test_by_prompt_and_by_columns(tmp_path):
    rows = lines(tmp_path / "rows.jsonl", [ROW | {"id": 1}, ROW | {"id": 2}, ROW | {"id": 3, "assistant": "No."}])
    assert len(done("dedupe", rows, tmp_path / "a")[1]["data"]) == 3
    assert [row["id"] for row in done("dedupe", rows, tmp_path / "b", by="prompt")[1]["data"]] == [1]
    assert [row["id"] for row in done("dedupe", rows, tmp_path / "c", columns=["assistant"])[1]["data"]] == [1, 3]


def test_training_comes_before_what_is_measured(tmp_path):
    # The original left equal rows in training and test at once.
    parts = {"test": lines(tmp_path / "test.jsonl", [ROW, *asked(2)]), "train": lines(tmp_path / "train.jsonl", [ROW])}
    report, made = done("dedupe", parts, tmp_path / "out")
    assert made == {"train": [ROW], "test": asked(2)}
    assert report.facts["across_parts"] == {"test repeats train": 1}


def test_a_part_of_which_nothing_is_left_is_told_and_is_none(tmp_path):
    parts = {name: lines(tmp_path / f"{name}.jsonl", [ROW]) for name in ("train", "test")}
    report, made = done("dedupe", parts, tmp_path / "out")
    assert made == {"train": [ROW]} and not (tmp_path / "out" / "test.jsonl").exists()
    assert report.warnings == ["nothing is left of test: the output has no such part"]


def test_nearly_equal_rows_go_with_what_is_equal_to_them(tmp_path):
    text = "the quick brown fox jumps over the lazy dog near the old river bank at noon"
    rows = [
        {"user": text, "assistant": "yes"},
        {"user": text + " today", "assistant": "yes"},
        {"user": text + " today", "assistant": "yes"},
        {"user": "something else entirely that nobody has asked before", "assistant": "yes"},
    ]
    report, parts = done("dedupe", lines(tmp_path / "rows.jsonl", rows), tmp_path / "out", near=0.8)
    assert parts["data"] == [rows[0], rows[3]]
    assert report.dropped == {"nearly_equal": 1, "equal": 1}
    _, parts = done("dedupe", lines(tmp_path / "rows.jsonl", rows), tmp_path / "strict", near=0.99)
    assert len(parts["data"]) == 3


WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), min_size=1, max_size=12)


@settings(max_examples=25)
@given(texts=st.lists(WORDS, min_size=1, max_size=12), near=st.sampled_from([0.3, 0.5, 0.8]))
def test_the_filter_misses_nothing_that_the_index_says(texts, near, tmp_path_factory):
    folder = tmp_path_factory.mktemp("near")
    rows = [{"user": " ".join(words), "assistant": "x"} for words in texts]
    _, parts = done("dedupe", lines(folder / "rows.jsonl", rows), folder / "out", near=near, shingle=2)

    def pairs(row):
        words = (row["user"] + " x").split()
        return set(itertools.pairwise(words))

    kept: list[dict[str, str]] = []
    for row in rows:
        alike = (len(pairs(row) & pairs(each)) / len(pairs(row) | pairs(each)) for each in kept)
        if row not in kept and all(index < near for index in alike):
            kept.append(row)
    assert parts["data"] == kept


@pytest.mark.parametrize(
    ("options", "where"),
    [({"columns": ["user"], "by": "prompt"}, "columns"), ({"shingle": 5}, "shingle")],
)
def test_options_without_effect_are_refused(tmp_path, options, where):
    with pytest.raises(DataError) as error:
        done("dedupe", lines(tmp_path / "rows.jsonl", [ROW]), tmp_path / "out", **options)
    assert error.value.where == where


def test_a_column_that_is_not_there_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(DataError, match="assistent") as error:
        done("dedupe", lines(tmp_path / "rows.jsonl", [ROW]), tmp_path / "out", columns=["assistent"])
    assert "'assistant'" in error.value.hint
