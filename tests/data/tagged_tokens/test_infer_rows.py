"""Texts and tokens that are asked about, from every place that they may come from."""

from __future__ import annotations

import gzip
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


CONLL = "-DOCSTART- -X- O\n\n# id 1\nIda NNP B-PER\nleft VBD O\n\nOslo NNP B-LOC\n"


@pytest.mark.parametrize("name", ["rows.conll", "rows.bio", "rows.iob2.gz", "folder"])
def test_files_in_conll_s_form_are_read_as_training_reads_them(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
        (path / "1.conll").write_text(CONLL)
    else:
        path.write_bytes(gzip.compress(CONLL.encode()) if name.endswith(".gz") else CONLL.encode())
    asked = infer_rows.from_file(path)
    rows = read(asked)
    assert [row.tokens for row in rows] == [("Ida", "left"), ("Oslo",)] and [row.line for row in rows] == [4, 7]
    assert rows[0].text == "Ida left" and rows[0].spans == ((0, 3), (4, 8))
    assert list(asked.notes) == ["the tags of 2 sentences are passed over: the model finds its own"]


def test_conll_of_other_columns_and_names(tmp_path: Path) -> None:
    path = tmp_path / "rows.conll"
    path.write_text("1\tIda\tB-PER\n2\tleft\tO\n")
    assert read(infer_rows.from_file(path, columns={"tokens": "2"}))[0].tokens == ("Ida", "left")
    # What training's other files call their column is no number of one.
    assert read(infer_rows.from_file(path, columns={"tokens": "words"}))[0].tokens == ("1", "2")
    with pytest.raises(DataError, match=r"there are 3 columns, and no 5\.") as refused:
        read(infer_rows.from_file(path, columns={"tokens": "5"}))
    assert refused.value.where == f"{path}:1"
    (tmp_path / "rows.tsv").write_text("Ida\tB-PER\nleft\tO\n")
    assert read(infer_rows.from_file(tmp_path / "rows.tsv"))[0].tokens == ("Ida", "left")
    (tmp_path / "rows.txt").write_text("Ida O\nleft O\n")
    lines = infer_rows.from_file(tmp_path / "rows.txt")
    assert len(read(lines)) == 2, "lines of text"
    assert "--prompts-format conll" in lines.notes[0]
    assert read(infer_rows.from_file(tmp_path / "rows.txt", "conll"))[0].tokens == ("Ida", "left")


def test_lines_of_text_that_end_in_tags_are_told_of() -> None:
    piped = infer_rows.from_pipe(io.BytesIO(CONLL.partition("\n\n")[2].replace("# id 1\n", "").encode()))
    assert len(read(piped)) == 3 and "--prompts-format conll" in piped.notes[0]
    piped.close()
    texts = infer_rows.from_pipe(io.BytesIO(b"Ida left for Oslo\nNobody knew of vitamin B-12\n"))
    assert len(read(texts)) == 2 and not texts.notes
    texts.close()


def test_conll_without_tags_through_a_pipe() -> None:
    asked = infer_rows.from_pipe(io.BytesIO(b"Ida\nleft\n\nOslo\n"), "conll")
    assert [row.tokens for row in read(asked)] == [("Ida", "left"), ("Oslo",)] and not asked.notes
    asked.close()
    with pytest.raises(DataError, match="'left' has 1 column, and the first has 2") as refused:
        read(infer_rows.from_pipe(io.BytesIO(b"Oslo B\n\nIda O\nleft\n"), "conll"))
    assert refused.value.where == "standard input:3"
