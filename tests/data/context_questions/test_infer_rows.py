"""Questions that are to be answered, in whatever file they come."""

from __future__ import annotations

import io
import json

import pytest

from runner.data.context_questions.infer_rows import from_file, from_pipe, from_words
from runner.errors import DataError, UsageError

ROW = {"id": 7, "question": "When?", "context": "It closes at noon.", "answers": {"text": [], "answer_start": []}}


def read(rows):
    rows.check()
    return [(row.id, row.question, row.context) for chunk in rows.chunks(2) for row in chunk]


def test_flat_rows_nested_ones_and_words_are_the_same(tmp_path):
    expected = [(7, "When?", "It closes at noon.")]
    (tmp_path / "rows.jsonl").write_text(json.dumps(ROW) + "\n")
    nested = {"data": [{"paragraphs": [{"context": ROW["context"], "qas": [{"id": 7, "question": "When?"}]}]}]}
    (tmp_path / "rows.json").write_text(json.dumps(nested, indent=2))
    (tmp_path / "rows.csv").write_text("text,query,qid\nIt closes at noon.,When?,7\n")
    assert read(from_file(tmp_path / "rows.jsonl")) == expected
    assert read(from_file(tmp_path / "rows.json")) == expected
    assert read(from_file(tmp_path / "rows.csv")) == [("7", *expected[0][1:])]
    assert read(from_words([json.dumps(ROW)])) == expected
    assert read(from_pipe(io.BytesIO(json.dumps(nested, indent=2).encode()))) == expected
    assert read(from_pipe(io.BytesIO((json.dumps(ROW) + "\n" + json.dumps(ROW) + "\n").encode()))) == expected * 2


def test_columns_of_the_training_are_read_again(tmp_path):
    (tmp_path / "rows.jsonl").write_text(json.dumps({"frage": "When?", "body": "At noon."}) + "\n")
    columns = {"question": "frage", "context": "body", "answers": "antwort"}
    assert read(from_file(tmp_path / "rows.jsonl", columns=columns)) == [(None, "When?", "At noon.")]


def test_rows_without_a_question_or_a_context_are_named(tmp_path):
    (tmp_path / "rows.jsonl").write_text(
        '{"question": "When?", "context": "x"}\n{"question": "When?", "context": ""}\n'
    )
    with pytest.raises(DataError) as caught:
        from_file(tmp_path / "rows.jsonl").check()
    assert str(caught.value.where).endswith("rows.jsonl:2")
    with pytest.raises(UsageError):
        from_words(["When?"])
