"""A user's own table: CSV, TSV, JSON lines and Parquet with columns of any name, and what can be wrong with one."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from runner.data.comparisons import BOTH_BAD, TIE, A, B, ComparisonsData, sources
from runner.data.comparisons.comparison_columns import Columns, WinnerValues
from runner.errors import DataError

ROWS = [
    {"prompt": "What is 2 + 2?", "model_a": "small", "model_b": "large", "response_a": "5", "response_b": "4",
     "winner": "model_b"},
    {"prompt": 'Say "hi", please', "model_a": "large", "model_b": "small", "response_a": "hi\nyou", "response_b": "ho",
     "winner": "large"},
    {"prompt": "Hello", "model_a": "large", "model_b": "small", "response_a": "é", "response_b": "ü", "winner": "tie"},
    {"prompt": "Bye", "model_a": "small", "model_b": "large", "response_a": "x", "response_b": "y",
     "winner": "both_bad"},
]  # fmt: skip
NAMES = {"prompt": "Question", "model_a": "left", "model_b": "right", "response_a": "left text",
         "response_b": "right text", "winner": "Better"}  # fmt: skip
WORDS = {"model_b": "R", "large": "L", "tie": "=", "both_bad": "none"}


def write(path: Path, rows: list[dict]) -> Path:
    if path.suffix in (".csv", ".tsv"):
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter="\t" if path.suffix == ".tsv" else ",")
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def renamed() -> list[dict]:
    return [{NAMES[name]: WORDS[v] if name == "winner" else v for name, v in row.items()} for row in ROWS]


@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.jsonl", "x.parquet"])
def test_every_format_gives_the_same_comparisons(tmp_path, name):
    rows = sources.read(str(write(tmp_path / name, ROWS)))
    assert rows.winner == [B, A, TIE, BOTH_BAD]
    assert rows.prompts == [row["prompt"] for row in ROWS]
    assert rows.responses_a == [row["response_a"] for row in ROWS]
    assert rows.responses_b == [row["response_b"] for row in ROWS]
    assert rows.histories == [()] * 4
    assert (rows.read, len(rows), dict(rows.skipped)) == (4, 4, {})


@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.jsonl", "x.parquet"])
def test_columns_and_words_of_its_own(tmp_path, name):
    path = write(tmp_path / name, renamed())
    words = WinnerValues(model_a=["L"], model_b=["R"], tie=["="], both_bad=["none"])
    rows = sources.read(str(path), Columns(**NAMES), words)
    assert rows.winner == [B, A, TIE, BOTH_BAD]
    assert rows.model_a == [row["model_a"] for row in ROWS]


def test_numbers_may_be_winners_and_names(tmp_path):
    rows = [{"prompt": "p", "model_a": 7, "model_b": 8, "response_a": "x", "response_b": "y", "winner": 2}]
    read = sources.read(str(write(tmp_path / "x.jsonl", rows)), None, WinnerValues(model_b=["2"]))
    assert (read.model_a, read.model_b, read.winner) == (["7"], ["8"], [B])


def test_a_column_of_groups(tmp_path):
    rows = [row | {"topic": "maths"} for row in ROWS]
    assert sources.read(str(write(tmp_path / "x.csv", rows)), Columns(kind="topic")).groups == ["maths"] * 4


def test_bad_rows_are_counted_with_their_lines(tmp_path):
    path = tmp_path / "x.csv"
    good = "p,a,b,x,y,tie\n"
    path.write_text(
        "prompt,model_a,model_b,response_a,response_b,winner\n" + good + ",a,b,x,y,tie\np,a,a,x,y,tie\np,a,b,,y,tie\n"
        "p,a,b,x,y,who\np,a,b\n\n" + good
    )
    rows = sources.read(str(path))
    assert rows.skipped == {
        "empty prompt": 1,
        "same model twice": 1,
        "empty response": 1,
        "unknown winner: 'who'": 1,
        "another number of fields than the header": 1,
    }
    assert (rows.first["empty prompt"], rows.first["another number of fields than the header"]) == (3, 7)
    assert (rows.read, len(rows)) == (7, 2)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("prompt,model_a,model_b,response_a,reply_b,winner\n", "missing column response_b", "reply_b"),
        ("prompt;model_a;model_b\n", "the header is one column", "commas"),
        ("prompt,prompt\n", "the header has 'prompt' twice", ""),
        ("\n", "there is no header", ""),
        ('prompt,model_a,model_b,response_a,response_b,winner\n"p,a,b,x,y,tie\n', "not CSV", "quote"),
        ("prompt,model_a,model_b,response_a,response_b,winner\n", "there is no row in it", ""),
    ],
)
def test_what_is_wrong_with_a_csv_is_told_with_its_place(tmp_path, text, message, hint):
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        sources.read(str(path))
    assert caught.value.where.startswith(str(path))
    assert hint in (caught.value.hint or "")


def test_latin_1_is_told(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes("prompt,model_a,model_b,response_a,response_b,winner\nné,a,b,x,y,tie\n".encode("latin-1"))
    with pytest.raises(DataError, match="not UTF-8"):
        sources.read(str(path))


def test_a_word_has_one_meaning_and_a_column_one_role():
    with pytest.raises(ValidationError, match="'L' is in model_a and in tie"):
        WinnerValues(model_a=["L"], tie=["same", "L"])
    with pytest.raises(ValidationError, match="'x' is in tie twice"):
        WinnerValues(tie=["x", "x"])
    with pytest.raises(ValidationError, match="'winner' has two roles"):
        Columns(prompt="winner")


def test_words_that_nothing_explains_are_named(tmp_path):
    rows = [row | {"winner": winner} for row, winner in zip(ROWS, ["model_b", "?", "draw", "?"], strict=True)]
    read = sources.read(str(write(tmp_path / "x.csv", rows)))
    assert read.skipped == {"unknown winner: '?', 'draw'": 3}
    assert read.first == {"unknown winner: '?', 'draw'": 3}


def test_columns_of_a_named_data_set_are_refused_before_a_run(tmp_path):
    with pytest.raises(DataError, match="columns describes a file") as caught:
        ComparisonsData(dataset="sample", columns=Columns()).check(tmp_path)
    assert caught.value.where == "/data/columns"


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), min_size=1, max_size=40)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT, TEXT), min_size=1, max_size=5))
def test_any_text_survives_a_csv(tmp_path_factory, cells):
    rows = [
        {"prompt": p, "model_a": "a", "model_b": "b", "response_a": x, "response_b": y, "winner": "tie"}
        for p, x, y in cells
    ]
    read = sources.read(str(write(tmp_path_factory.mktemp("any") / "x.csv", rows)))
    whole = [row for row in rows if row["prompt"].strip() and row["response_a"].strip() and row["response_b"].strip()]
    assert read.prompts == [row["prompt"] for row in whole]
    assert read.responses_a == [row["response_a"] for row in whole]
