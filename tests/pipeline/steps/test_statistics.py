"""``stats``: figures of rows, by part."""

from __future__ import annotations

import pytest

from runner.errors import DataError
from tests.pipeline.steps.made import done, lines, read

DIALOGUE = {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "Привет, как дела"},
                         {"role": "assistant", "content": "да"}, {"role": "user", "content": "ещё"},
                         {"role": "assistant", "content": "нет"}]}  # fmt: skip


def test_the_figures_of_a_part(tmp_path):
    exchange = {"system": "", "user": "Hello there", "assistant": "Hi"}
    rows = lines(tmp_path / "rows.jsonl", [exchange, exchange, exchange | {"assistant": "Oh"}, DIALOGUE])
    report, _ = done("stats", rows, tmp_path / "out")
    found = report.facts["data"]
    assert found["rows"] == 4 and found["repeated_rows"] == 1 and found["repeated_prompts"] == 2
    assert found["forms"] == {"question and answer": 3, "messages": 1}
    assert found["turns_by_role"] == {"user": 5, "assistant": 5, "system": 1}
    assert found["scripts"] == {"latin": 3, "cyrillic": 1}
    assert (found["lengths"]["turns"]["min"], found["lengths"]["turns"]["max"]) == (2, 4)
    assert found["lengths"]["characters of user"]["p50"] == 11
    assert "tokens" not in found["lengths"]
    assert read(tmp_path / "out" / "_statistics.jsonl") == [{"part": "data"} | found]


def test_tokens_are_counted_by_a_model(tmp_path, tokenizer):
    rows = lines(tmp_path / "rows.jsonl", [{"user": "Hello there", "assistant": "Hi"}])
    report, _ = done("stats", rows, tmp_path / "out", model="runner/tiny-llama")
    count = len(tokenizer("Hello there\nHi", add_special_tokens=False).input_ids)
    assert report.facts["data"]["lengths"]["tokens"]["max"] == count


def test_rows_of_any_kind_have_figures(tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,x\n2,y\n")
    report, _ = done("stats", table, tmp_path / "out")
    assert report.facts["data"]["forms"] == {"a, b": 2} and "turns" not in report.facts["data"]["lengths"]


def test_prompts_of_two_parts_are_told(tmp_path):
    parts = {name: lines(tmp_path / f"{name}.jsonl", [{"user": "q", "assistant": name}]) for name in ("train", "test")}
    report, _ = done("stats", parts, tmp_path / "out")
    assert report.facts["asked_in_both"] == {"train and test": 1} and "train and test" in report.warnings[0]


def test_a_file_without_rows_is_refused(tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n")
    with pytest.raises(DataError, match="no rows"):
        done("stats", tmp_path / "rows.csv", tmp_path / "out")
