"""Texts and tokens that are asked about, from every place that they may come from."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from runner.data.tagged_tokens import infer_rows
from runner.errors import DataError, UsageError


def read(asked: Any) -> list[Any]:
    asked.check()
    return [row for chunk in asked.chunks(2) for row in chunk]


def test_words_are_texts() -> None:
    rows = read(infer_rows.from_words(["Ida's cat, 3.5kg.", ""]))
    assert [row.tokens for row in rows] == [("Ida", "'", "s", "cat", ",", "3", ".", "5kg", "."), ()]
    with pytest.raises(UsageError, match="no rows"):
        infer_rows.from_words([])


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(
        '{"id": "a", "text": "Ida left"}\n{"tokens": ["l\'Aquila", "is", "old"], "tags": ["O", "O", "O"]}\n'
    )
    rows = read(infer_rows.from_file(path))
    assert [row.tokens for row in rows] == [("Ida", "left"), ("l'Aquila", "is", "old")]
    assert rows[0].id == "a" and rows[1].text == "l'Aquila is old"
    (tmp_path / "rows.txt").write_bytes(b"\xef\xbb\xbfIda left\r\n\r\nOslo\n")
    asked = infer_rows.from_file(tmp_path / "rows.txt")
    assert [row.text for row in read(asked)] == ["Ida left", "Oslo"] and asked.blank == 1
    (tmp_path / "rows.csv").write_text("sentence\nIda left\n")
    assert [row.tokens for row in read(infer_rows.from_file(tmp_path / "rows.csv"))] == [("Ida", "left")]


def test_columns_are_those_of_training_where_they_are(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"w": ["Ida", "left"], "text": "no"}) + "\n")
    assert read(infer_rows.from_file(path, columns={"tokens": "w", "tags": "t"}))[0].tokens == ("Ida", "left")


def test_pipes() -> None:
    assert [row.text for row in read(infer_rows.from_pipe(io.BytesIO(b"Ida left\nOslo\n")))] == ["Ida left", "Oslo"]
    assert read(infer_rows.from_pipe(io.BytesIO(b'{"tokens": ["a", "b"]}\n')))[0].tokens == ("a", "b")


def test_rows_that_are_none_are_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a"}\n{"words_": 3}\n{"text": 3}\n')
    with pytest.raises(
        DataError, match=r"neither a text nor tokens among 'words_'; and 1 row more .*'text' is a number"
    ):
        read(infer_rows.from_file(path))
