"""Which rows are trained on and held out, and what is said of rows that repeat others."""

from __future__ import annotations

import random

import pytest

from runner.errors import DataError
from tests.data.dialogues.conftest import SECTIONS, documents, load_file


def pair(number, answer=None):
    return {"prompt": f"What is {number}?", "completion": answer or f"It is {number}."}


def sides(loaded):
    return [{row.conversation.messages[0].content for row in side} for side in (loaded.train, loaded.validation)]


def test_a_share_is_held_out_whatever_the_order_of_the_file(load):
    rows = [pair(number) for number in range(50)]
    first = load("sft", *rows, validation_split=0.2)
    assert (len(first.train), len(first.validation)) == (40, 10)
    shuffled = random.Random(3).sample(rows, len(rows))
    again = load("sft", *shuffled, validation_split=0.2)
    assert sides(again) == sides(first)
    assert sides(load("sft", *rows, validation_split=0.2, seed=7)) != sides(first)


def test_what_asks_the_same_is_on_one_side(load):
    rows = [pair(number % 10, f"Answer {number}.") for number in range(60)]
    train, validation = sides(load("sft", *rows, validation_split=0.3))
    assert train and validation and not train & validation


def test_rows_that_repeat_others_are_told_and_stay_on_one_side(load):
    rows = [pair(number % 8) for number in range(24)]
    loaded = load("sft", *rows, validation_split=0.25)
    section = SECTIONS["sft"](dataset="x")
    assert not section.row_keys(loaded.train) & section.row_keys(loaded.validation)
    assert loaded.report.named["duplicates"] == list(range(9, 25))
    assert loaded.report.rows_kept == 24


def test_rows_that_all_ask_the_same_are_divided_by_their_answers(load):
    loaded = load("sft", *[pair(1, f"Answer {number}.") for number in range(10)], validation_split=0.2)
    assert len(loaded.validation) == 2
    assert not loaded.report.warnings


def test_one_row_is_trained_on_and_a_share_that_is_asked_for_is_refused(load, lines):
    loaded = load_file("sft", lines(pair(1)))
    assert (len(loaded.train), len(loaded.validation)) == (1, 0)
    assert loaded.report.facts["held_out"].startswith("nothing")
    with pytest.raises(DataError, match="1 row cannot be divided"):
        load("sft", pair(1), validation_split=0.3)


def test_rows_that_are_all_equal_are_trained_on_and_it_is_told_that_nothing_is_measured(lines):
    loaded = load_file("sft", lines(*[pair(1)] * 4))
    assert (len(loaded.train), len(loaded.validation)) == (4, 0)
    told = "all 4 rows that can be used are equal, and equal rows stay on one side: nothing is held out, and nothing"
    assert any(told in each for each in loaded.report.warnings)
    # Who asks for nothing held out is told nothing.
    asked = load_file("sft", lines(*[pair(1)] * 4), validation_split=0)
    assert not any("measured" in each for each in asked.report.warnings)


def test_a_column_says_the_side_of_each_row(lines):
    words = ["train", "train", "validation", "test"]
    loaded = loaded_by_part(lines, words)
    assert sides(loaded) == [{"What is 0?", "What is 1?"}, {"What is 2?"}]
    assert loaded.report.rows_dropped == {"test_rows": 1}
    assert loaded.report.named["test_rows"] == [4]
    with pytest.raises(DataError, match="'maybe', which is no side"):
        loaded_by_part(lines, ["train", "maybe", "dev"])


def loaded_by_part(lines, words):
    rows = [pair(number) | {"part": word} for number, word in enumerate(words)]
    return load_file("sft", lines(*rows), split_column="part")


def test_groups_stay_on_one_side(lines):
    rows = [pair(number) | {"author": f"a{number % 5}"} for number in range(40)]
    loaded = load_file("sft", lines(*rows), group_column="author", validation_split=0.4)
    author = {f"What is {number}?": number % 5 for number in range(40)}
    train, validation = ({author[text] for text in side} for side in sides(loaded))
    assert train and validation and not train & validation


def test_the_latest_are_held_out(lines):
    rows = [pair(number) | {"day": f"2026-03-{number + 1:02}"} for number in range(10)]
    loaded = load_file("sft", lines(*reversed(rows)), time_column="day", validation_split=0.2)
    assert sides(loaded)[1] == {"What is 8?", "What is 9?"}
    with pytest.raises(DataError, match="neither a number nor a date"):
        load_file("sft", lines(*rows, pair(11) | {"day": "spring"}), time_column="day")


def test_another_file_is_measured_on_and_its_known_rows_are_told(lines):
    train = lines(*(pair(number) for number in range(6)))
    other = lines(pair(1), pair(9), {"prompt": "p", "completion": ""}, name="other.jsonl")
    loaded = load_file("sft", train, validation_data=str(other))
    assert (len(loaded.train), len(loaded.validation)) == (6, 2)
    said = " ".join(loaded.report.warnings)
    assert "1 of 2 rows" in said
    assert "empty_answer (1): line 3" in said


def test_so_many_rows_are_drawn_by_their_content(load):
    rows = [pair(number) for number in range(30)]
    loaded = load("sft", *rows, max_samples=7)
    assert len(loaded.train) == 7
    assert loaded.report.rows_dropped == {"not_sampled": 23}
    again = load("sft", *reversed(rows), max_samples=7)
    assert sides(again) == sides(loaded)


def test_the_fingerprint_is_of_what_the_rows_say(load):
    rows = [pair(number) for number in range(5)]
    first = load("sft", *rows).fingerprint
    assert load("sft", *[row | {"note": "x"} for row in rows]).fingerprint == first
    assert load("sft", *rows[:4], pair(4, "Other.")).fingerprint != first
    assert documents(load("sft", *rows))[0]["messages"][1]["content"] == "It is 0."


def test_too_many_rows_lost_are_refused_and_the_rows_named(load):
    rows = [pair(1), {"prompt": "p", "completion": ""}, {"prompt": "p", "completion": None}]
    with pytest.raises(DataError, match="2 of 3 rows cannot be used: empty_answer 1, missing_completion 1") as refused:
        load("sft", *rows)
    assert refused.value.where == "/data/max_rows_lost"
    assert "line 2" in refused.value.hint
    assert load("sft", *rows, max_rows_lost=0.7).report.rows_kept == 1
