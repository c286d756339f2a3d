"""Rows of a table that are to be answered: what they are called, and where they stand."""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path

import pytest

from runner.data.table_rows.infer_rows import from_file, from_pipe, from_words
from runner.errors import DataError, UsageError

LINES = [{"customer": f"c{at}", "id": at, "age": at} for at in range(5)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in LINES))
    return file


def rows_of(asked):
    asked.check()
    return [row for chunk in asked.chunks(2) for row in chunk]


def test_the_models_id_column_names_the_rows_and_is_no_input(path):
    rows = rows_of(from_file(path, id_column="customer"))
    assert [row.id for row in rows] == ["c0", "c1", "c2", "c3", "c4"]
    assert all(row.values.keys() == {"id", "age"} for row in rows)
    assert [row.id for row in rows_of(from_file(path))] == [0, 1, 2, 3, 4]


def test_a_row_says_which_file_and_line_it_is_from(path, tmp_path):
    assert rows_of(from_file(path))[2].where == f"{path}:3"
    shard = tmp_path / "other.jsonl"
    shard.write_text('{"age": 1}\n')
    found = {row.where for row in rows_of(from_file(tmp_path / "*.jsonl"))}
    assert {f"{path}:5", f"{shard}:1"} <= found


def test_a_pipe_goes_by_its_own_name_and_leaves_nothing_behind(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    asked = from_pipe(io.BytesIO(b'{"age": 1}\n{"age": '))
    with pytest.raises(DataError) as caught:
        asked.check()
    assert caught.value.where.startswith("standard input:2")
    asked.close()
    assert list(tmp_path.iterdir()) == []


def test_a_word_that_is_no_object_is_the_words_fault():
    with pytest.raises(UsageError, match="row 1 is 'hello'") as caught:
        from_words(["hello"])
    assert caught.value.where == "--prompts"


KOELN = "town;age\nKöln;31\n"


def test_a_csv_is_read_as_the_training_data_was_unless_a_flag_or_its_mark_says_otherwise(tmp_path):
    trained = {"encoding": "cp1252", "delimiter": ";"}
    path = tmp_path / "rows.csv"
    path.write_bytes(KOELN.encode("cp1252"))
    assert rows_of(from_file(path, **trained))[0].values == {"town": "Köln", "age": "31"}
    assert rows_of(from_pipe(io.BytesIO(path.read_bytes()), **trained))[0].values["town"] == "Köln"
    path.write_bytes(KOELN.encode("utf-8-sig"))
    assert rows_of(from_file(path, **trained))[0].values == {"town": "Köln", "age": "31"}
    path.write_bytes(KOELN.replace(";", "|").encode("utf-16"))
    said = {"encoding": "utf-16", "delimiter": "|", "said": ("encoding", "delimiter")}
    assert rows_of(from_file(path, **said))[0].values == {"town": "Köln", "age": "31"}
    lines = tmp_path / "rows.jsonl"
    lines.write_text('{"town": "Köln"}\n', encoding="utf-8")
    assert rows_of(from_file(lines, **trained))[0].values == {"town": "Köln"}


@pytest.mark.parametrize(
    ("name", "said", "message"),
    [
        ("rows.jsonl", {"delimiter": ";"}, "jsonl, which has none"),
        ("rows.csv", {"delimiter": "--"}, "not one character"),
        ("rows.csv", {"encoding": "klingon"}, "no encoding 'klingon'"),
    ],
)
def test_a_flag_of_text_files_that_has_no_effect_or_no_sense_is_refused(tmp_path, name, said, message):
    (tmp_path / name).write_text('{"a": 1}\n' if name.endswith("l") else "a\n1\n")
    with pytest.raises(UsageError, match=message) as caught:
        rows_of(from_file(tmp_path / name, **said, said=tuple(said)))
    assert caught.value.where == f"--{next(iter(said))}"


def test_every_row_that_cannot_be_read_is_told_before_anything_is_computed(path):
    for name, text in {"cut off": '{"age": ', "a key twice": '{"age": 1, "age": 2}'}.items():
        path.write_text(f'{{"age": 1}}\n{text}\n{{"age": 5}}\n{text}\n')
        with pytest.raises(DataError, match="and 1 row more cannot be used: line 4: ") as caught:
            rows_of(from_file(path))
        assert caught.value.where == f"{path}:2", name
