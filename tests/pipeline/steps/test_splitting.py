"""``split``: seeded, by content, no prompt in two parts, and a row at least in each."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from runner.errors import DataError
from runner.pipeline.steps.row_forms import prompt_key
from tests.pipeline.steps.made import asked, done, lines

ROWS = st.lists(st.tuples(st.integers(0, 15), st.integers(0, 3)), min_size=1, max_size=60)


@settings(max_examples=25)
@given(rows=ROWS, seed=st.integers(0, 5))
def test_no_prompt_is_in_two_parts_and_no_row_is_lost(rows, seed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("split")
    written = [{"user": f"Question  {n}" if m else f"question {n}", "assistant": str(m)} for n, m in rows]
    raw = lines(folder / "rows.jsonl", written)
    if len({n for n, _ in rows}) < 3:
        with pytest.raises(DataError, match="cannot be divided"):
            done("split", raw, folder / "out", seed=seed)
        return
    _, parts = done("split", raw, folder / "out", seed=seed)
    keys = {name: {prompt_key(row) for row in rows} for name, rows in parts.items()}
    assert list(parts) == ["train", "validation", "test"] and all(parts.values())
    assert not keys["train"] & keys["validation"] and not keys["train"] & keys["test"]
    assert not keys["validation"] & keys["test"]
    assert Counter(map(str, written)) == Counter(str(row) for rows in parts.values() for row in rows)


@settings(max_examples=25)
@given(rows=ROWS)
def test_after_dedupe_no_row_is_in_two_parts(rows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("both")
    written = [{"user": f"Question {n}", "assistant": str(m)} for n, m in rows]
    report, _ = done("dedupe", lines(folder / "rows.jsonl", written), folder / "unique", by="prompt")
    if report.rows_written < 2:
        return
    _, parts = done("split", folder / "unique" / "data.jsonl", folder / "out", ratios={"train": 0.5, "test": 0.5})
    asked_in = [row["user"] for rows in parts.values() for row in rows]
    assert len(asked_in) == len(set(asked_in)) == len({n for n, _ in rows})


def test_the_order_of_the_file_says_nothing_and_the_seed_does(tmp_path):
    one = lines(tmp_path / "one.jsonl", asked(200))
    other = lines(tmp_path / "other.jsonl", reversed(asked(200)))
    first, second, third = (
        {row["user"] for row in done("split", path, tmp_path / f"out{seed}{path.stem}", seed=seed)[1]["test"]}
        for path, seed in ((one, 1), (other, 1), (one, 2))
    )
    assert first == second != third and len(first) == 20


def test_five_rows_fill_three_parts(tmp_path):
    # The original left its validation file empty, and of one row it fell over after it had written the files.
    ratios = {"train": 0.7, "val": 0.1, "test": 0.2}
    _, parts = done("split", lines(tmp_path / "rows.jsonl", asked(5)), tmp_path / "out", ratios=ratios)
    assert {name: len(rows) for name, rows in parts.items()} == {"train": 3, "validation": 1, "test": 1}
    with pytest.raises(DataError, match="1 row in 1 group cannot be divided into 3 parts") as error:
        done("split", lines(tmp_path / "one.jsonl", asked(1)), tmp_path / "none")
    assert "fewer parts" in error.value.hint


def test_the_shares_are_met(tmp_path):
    _, parts = done("split", lines(tmp_path / "rows.jsonl", asked(1000)), tmp_path / "out")
    assert {name: len(rows) for name, rows in parts.items()} == {"train": 800, "validation": 100, "test": 100}


def test_each_value_of_a_column_is_divided(tmp_path):
    rows = [row | {"topic": "rare" if n % 10 == 0 else "usual"} for n, row in enumerate(asked(400))]
    _, parts = done("split", lines(tmp_path / "rows.jsonl", rows), tmp_path / "out", stratify="topic")
    counts = {name: Counter(row["topic"] for row in rows)["rare"] for name, rows in parts.items()}
    assert counts == {"train": 32, "validation": 4, "test": 4}


def test_values_that_are_too_rare_are_told(tmp_path):
    rows = [row | {"topic": str(n)} for n, row in enumerate(asked(6))]
    report, parts = done("split", lines(tmp_path / "rows.jsonl", rows), tmp_path / "out", stratify="topic")
    assert all(parts.values()) and "too rare" in report.warnings[0]


def test_a_group_stays_whole(tmp_path):
    rows = [row | {"patient": n // 5} for n, row in enumerate(asked(50))]
    _, parts = done("split", lines(tmp_path / "rows.jsonl", rows), tmp_path / "out", group_by="patient")
    patients = [{row["patient"] for row in rows} for rows in parts.values()]
    assert sum(map(len, patients)) == 10 == len(set.union(*patients))


@pytest.mark.parametrize(
    ("ratios", "said"),
    [
        ({"train": 0.8, "test": 0.1}, "add up to 0.9"),
        ({"train": 0.8, "test": 0.3}, "add up to 1.1"),
        ({"train": 1.0}, "at least 2"),
        ({"train": 1.0, "test": 0.0}, "greater than 0"),
        ({"val": 0.5, "validation": 0.5}, "one name"),
        ({"train": 0.5, "../test": 0.5}, "pattern"),
    ],
)
def test_shares_that_make_no_split_are_refused(tmp_path, ratios, said):
    with pytest.raises(ValidationError, match=said):
        done("split", lines(tmp_path / "rows.jsonl", asked(9)), tmp_path / "out", ratios=ratios)


def test_a_column_that_is_not_there_is_refused(tmp_path):
    for option in ("stratify", "group_by"):
        with pytest.raises(DataError, match="topic"):
            done("split", lines(tmp_path / "rows.jsonl", asked(9)), tmp_path / option, **{option: "topic"})
