"""Rows that are lost, words that are not understood, names that are none: what is refused, and what is said."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runner import registry
from runner.contract import LoadContext
from runner.data.comparisons import TIE, A, B, ComparisonsData
from runner.errors import DataError

NAMES = ("gpt", "llama", "mixtral")


def battles(n: int = 60) -> list[dict]:
    return [
        {
            "prompt": f"Question {at}?",
            "model_a": NAMES[at % 3],
            "model_b": NAMES[(at + 1 + at // 3 % 2) % 3],
            "response_a": f"a{at}",
            "response_b": f"b{at}",
            "winner": ("model_a", "model_b", "tie")[at * 7 % 5 % 3],
        }
        for at in range(n)
    ]


def put(path: Path, rows: list[dict]) -> Path:
    if path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def refused(path: Path, context, **fields) -> DataError:
    with pytest.raises(DataError) as caught:
        ComparisonsData(dataset=str(path), **fields).load(context())
    return caught.value


def test_a_frequent_word_that_nothing_explains_is_refused(tmp_path, context):
    words = {"model_a": "A", "model_b": "B", "tie": "tie"}
    path = put(tmp_path / "x.csv", [row | {"winner": words[row["winner"]]} for row in battles()])
    error = refused(path, context)
    assert "'A', 'B' in the column 'winner'" in error.message and "winner_values" in error.hint
    data = ComparisonsData(dataset=str(path), winner_values={"model_a": ["A"], "model_b": ["B"]}).load(context())
    assert data.record["rows_valid"] == 60
    left = ComparisonsData(dataset=str(path), winner_values={"model_a": ["A"], "skip": ["B"]}, max_rows_lost=0)
    assert left.load(context()).report.rows_dropped == {
        "winner word that is skipped": sum(row["winner"] == "model_b" for row in battles())
    }


def test_a_rare_word_is_skipped_and_named(tmp_path, context):
    rows = battles()
    rows[7]["winner"] = "draw"
    report = ComparisonsData(dataset=str(put(tmp_path / "x.csv", rows))).load(context()).report
    assert report.rows_dropped == {"unknown winner: 'draw'": 1} and report.named == {"unknown winner: 'draw'": [9]}
    assert (report.layout, report.rows_read, report.rows_kept) == ("comparisons", 60, 59)


def test_no_decided_row_is_left(tmp_path, context):
    rows = [row | {"winner": "tie"} for row in battles(4)]
    rows[2]["winner"] = "left"
    error = refused(put(tmp_path / "x.csv", rows), context)
    assert "no row has a winner" in error.message and "'left'" in error.message and "winner_values" in error.hint


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_ties_alone_are_refused_and_lengths_are_learnt_from_them(tmp_path, context, suffix):
    rows = [row | {"winner": ("tie", "both_bad")[at % 2]} for at, row in enumerate(battles())]
    path = put(tmp_path / f"x{suffix}", rows)
    error = refused(path, context)
    assert "every one of 60 comparisons is a tie" in error.message and "data.columns.winner" in error.hint
    with pytest.raises(DataError, match="every one of 60 comparisons is a tie"):
        ComparisonsData(dataset=str(path)).suits(context().spec, tmp_path)
    lengths = registry.load("simple_length_prediction").Spec(model_type="simple_length_prediction")
    ComparisonsData(dataset=str(path)).suits(lengths, tmp_path)
    data = ComparisonsData(dataset=str(path)).load(LoadContext(lengths, tmp_path / "cache", context().emit))
    assert len(data.train) + len(data.validation) == 60
    one = put(path, [*rows[1:], battles()[0]])
    assert len(ComparisonsData(dataset=str(one)).load(context()).train)


def test_too_many_rows_lost(tmp_path, context):
    path = put(tmp_path / "x.csv", battles())
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line if at % 3 == 0 else line + ",more" for at, line in enumerate(lines)))
    error = refused(path, context)
    assert error.message.startswith("40 of 60 rows cannot be used") and "max_rows_lost" in error.hint
    assert "another number of fields than the header (40, first in line 2)" in error.message
    assert len(ComparisonsData(dataset=str(path), max_rows_lost=0.7).load(context()).train)
    with pytest.raises(DataError, match="40 of 60"):
        ComparisonsData(dataset=str(path)).suits(context().spec, tmp_path)


@pytest.mark.parametrize(
    ("make", "what", "suffixes"),
    [
        (lambda name: [name], "lists", [".jsonl", ".parquet"]),
        (lambda name: {"name": name}, "objects", [".jsonl", ".parquet"]),
        (lambda name: float(len(name)), "numbers with a point", [".jsonl", ".parquet"]),
        (lambda name: name == "gpt", "booleans", [".jsonl", ".parquet"]),
        # JSON has none.
        (lambda name: name.encode(), "bytes", [".parquet"]),
    ],
    ids=["list", "object", "float", "boolean", "bytes"],
)
def test_a_name_is_text_or_a_whole_number(tmp_path, context, suffixes, make, what):
    for suffix in suffixes:
        path = put(tmp_path / f"x{suffix}", [row | {"model_b": make(row["model_b"])} for row in battles()])
        error = refused(path, context)
        assert error.message == f"the column 'model_b' holds {what}, and an LLM's name is text or a whole number"
        assert error.where == f"{path}:1"


@pytest.mark.parametrize("nothing", [None, float("nan")])
def test_a_missing_name_is_missing(tmp_path, context, nothing):
    rows = battles()
    rows[3]["model_a"] = nothing
    data = ComparisonsData(dataset=str(put(tmp_path / "x.jsonl", rows))).load(context())
    assert data.record["skipped"] == {"missing model name": 1} and data.train.models == NAMES


def test_whole_numbers_are_names(tmp_path, context):
    number = {name: at + 1 for at, name in enumerate(NAMES)}
    rows = [row | {side: number[row[side]] for side in ("model_a", "model_b")} for row in battles()]
    for name in ("x.jsonl", "x.parquet"):
        data = ComparisonsData(dataset=str(put(tmp_path / name, rows))).load(context())
        assert data.train.models == ("1", "2", "3")


def test_an_llm_that_is_called_like_a_winner_word(tmp_path, context):
    rows = battles()
    for row in rows:
        for side in ("model_a", "model_b"):
            row[side] = row[side].replace("gpt", "model_b")
        row["winner"] = row.get(row["winner"], row["winner"])
    path = put(tmp_path / "x.csv", rows)
    error = refused(path, context)
    assert "called 'model_b'" in error.message and error.where.startswith(f"{path}:") and "winner_values" in error.hint
    # The LLM that is on that side is meant either way.
    fair = [row for row in rows if row["model_a"] != "model_b"]
    assert len(ComparisonsData(dataset=str(put(path, fair))).load(context()).train)
    told = [row | {"winner": "tie"} if row["winner"] == "model_b" else row for row in rows]
    assert len(ComparisonsData(dataset=str(put(path, told))).load(context()).train)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_number_that_an_empty_cell_made_a_float(tmp_path, context, suffix):
    words = {"model_a": 1.0, "model_b": 2.0, "tie": 3.0}
    path = put(tmp_path / f"x{suffix}", [row | {"winner": words[row["winner"]]} for row in battles()])
    words = {"model_a": ["1"], "model_b": ["2"], "tie": ["3"]}
    data = ComparisonsData(dataset=str(path), winner_values=words, validation_split=0.0).load(context()).train
    meant = {"model_a": A, "model_b": B, "tie": TIE}
    assert data.winner.tolist() == [meant[row["winner"]] for row in battles()]


@pytest.mark.parametrize(
    ("header", "proposed"),
    [
        (
            "Prompt,Model_A,Model_B,Response_A,Response_B,Winner",
            '{"prompt": "Prompt", "model_a": "Model_A", "model_b": "Model_B", "response_a": "Response_A", '
            '"response_b": "Response_B", "winner": "Winner"}',
        ),
        (" prompt,Model B,model a,Response B,response a,winner", '"model_a": "model a", "model_b": "Model B"'),
        ("prompt,model_a,model_1,response_a,response_b,winner", '{"model_b": "model_1"}'),
    ],
)
def test_columns_are_proposed_whatever_their_case_and_each_once(tmp_path, context, header, proposed):
    path = tmp_path / "x.csv"
    path.write_text(f"{header}\np,a,b,x,y,model_a\n")
    error = refused(path, context)
    assert proposed in error.hint and error.where == f"{path}:1"
