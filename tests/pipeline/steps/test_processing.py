"""``process``: raw files of any container as rows of one form, and a reason for every row that is not taken."""

from __future__ import annotations

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runner.errors import DataError, NotFoundError
from tests.pipeline.steps.made import done, lines, read

EXCHANGE = {"system": "", "user": "q", "assistant": "a"}
DIALOGUE = [
    {"role": "user", "content": "one"},
    {"role": "assistant", "content": "two"},
    {"role": "user", "content": "three"},
    {"role": "assistant", "content": "four"},
]


@pytest.mark.parametrize(
    "row",
    [
        {"user": "q", "assistant": "a"},
        {"question": "q", "answer": "a"},
        {"prompt": "q", "response": "a"},
        {"instruction": "q", "output": "a"},
        {"query": "q", "target": "a"},
        {"input": " q ", "output": "a\n"},
        ["q", {"answer": "a"}],
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
        {"Question": "q", "Answer": "a"},
    ],
)
def test_every_pair_of_names_becomes_the_same_row(tmp_path, row):
    _, parts = done("process", lines(tmp_path / "raw.jsonl", [row]), tmp_path / "out")
    assert parts == {"data": [EXCHANGE]}


def test_an_instruction_keeps_its_input_below_it(tmp_path):
    # The original looked for `input` first, and lost the instruction.
    row = {"instruction": "Translate.", "input": "Guten Tag", "output": "Good day"}
    report, parts = done("process", lines(tmp_path / "raw.jsonl", [row]), tmp_path / "out")
    assert parts["data"] == [{"system": "", "user": "Translate.\n\nGuten Tag", "assistant": "Good day"}]
    assert report.facts["rows"]["instruction_and_input"] == 1


def test_a_dialogue_stays_whole(tmp_path):
    # The original refused such rows, and kept the last exchange of those that came in another way.
    rows = [{"messages": DIALOGUE}, {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}]
    report, parts = done("process", lines(tmp_path / "raw.jsonl", rows), tmp_path / "out")
    assert parts["data"] == [{"messages": DIALOGUE}, EXCHANGE]
    assert report.facts["rows"] == {"dialogue": 1, "question_and_answer": 1}


def test_numbers_and_booleans_are_texts(tmp_path):
    rows = [{"question": "2+2", "answer": 4}, {"question": "is it?", "answer": True}, {"question": 7, "answer": "a"}]
    report, parts = done("process", lines(tmp_path / "raw.jsonl", rows), tmp_path / "out")
    assert [(row["user"], row["assistant"]) for row in parts["data"]] == [("2+2", "4"), ("is it?", "true"), ("7", "a")]
    assert report.changed == {"number_as_text": 3}
    assert report.named["number_as_text"] == ["raw.jsonl:1", "raw.jsonl:2", "raw.jsonl:3"]


def test_every_container_is_read(tmp_path):
    folder = tmp_path / "raw"
    lines(folder / "a.jsonl", [{"question": "q", "answer": "a"}])
    (folder / "b.csv").write_text('question,answer\nq,"a"\n')
    (folder / "c.json").write_text('{"about": {"data": 1}, "data": [\n{"user": "q", "assistant": "a"},\n["q", "a"]]}')
    (folder / "d.json").write_text('[{"user": "q", "assistant": "a"}]')
    with gzip.open(folder / "e.jsonl.gz", "wt") as file:
        file.write(json.dumps({"user": "q", "assistant": "a"}))
    pq.write_table(pa.table({"user": ["q"], "assistant": ["a"]}), folder / "f.parquet")
    # A file of JSON Lines by another name.
    lines(folder / "g.json", [{"user": "q", "assistant": "a"}] * 2)
    report, parts = done("process", folder, tmp_path / "out")
    assert parts["data"] == [EXCHANGE] * 9
    assert report.rows_read == 9


def test_what_is_not_taken_is_kept_aside_with_its_line_and_reason(tmp_path):
    good = {"user": "q", "assistant": "a"}
    rows = [
        good, "{broken", {"user": "q"}, {"assistant": "a"}, "[1, 2, 3]", '"text"', {"user": {"a": 1}, "answer": "a"},
        '{"user": "q", "user": "r", "assistant": "a"}', *[good] * 7,
    ]  # fmt: skip
    report, parts = done("process", lines(tmp_path / "raw.jsonl", rows), tmp_path / "out")
    assert len(parts["data"]) == 8
    rejected = read(tmp_path / "out" / "_rejected.jsonl")
    assert [(each["line"], each["reason"]) for each in rejected] == [
        (2, "not_json"), (3, "no_assistant"), (4, "no_user"), (5, "bad_array"), (6, "no_object"), (7, "user_not_text"),
        (8, "unreadable"),
    ]  # fmt: skip
    assert rejected[0]["row"] == "{broken" and "column 2" in rejected[0]["detail"]
    assert rejected[1]["row"] == {"user": "q"} and "'user'" in rejected[1]["detail"]
    assert sum(report.dropped.values()) == 7 and report.named["no_user"] == ["raw.jsonl:4"]


def test_an_empty_cell_is_told_apart_from_a_column_that_is_not_there(tmp_path):
    good = {"Frage": "q", "answer": "a"}
    rows = [good | {"answer": ""}, good | {"answer": " "}, good | {"answer": None}, good | {"Frage": ""}, good, good,
            {"Frage": "q"}, good, good, good, good]  # fmt: skip
    raw = lines(tmp_path / "raw.jsonl", rows)
    report, _ = done("process", raw, tmp_path / "out", columns={"user": "Frage"})
    assert report.dropped == {"empty_answer": 3, "empty_prompt": 1, "no_assistant": 1}
    rejected = read(tmp_path / "out" / "_rejected.jsonl")
    assert rejected[0]["detail"] == "'answer' says nothing" and rejected[3]["detail"] == "'Frage' says nothing"


def test_a_cut_is_asked_for_and_counted(tmp_path):
    rows = [{"user": "a" * 5000, "assistant": "b"}, {"user": "c", "assistant": "d" * 4097}]
    raw = lines(tmp_path / "raw.jsonl", rows)
    _, parts = done("process", raw, tmp_path / "whole")
    assert len(parts["data"][0]["user"]) == 5000
    report, parts = done("process", raw, tmp_path / "cut", max_characters=4096)
    assert [len(row["user"]) for row in parts["data"]] == [4096, 1] and len(parts["data"][1]["assistant"]) == 4096
    assert report.changed == {"user_cut": 1, "assistant_cut": 1}
    assert report.named == {"user_cut": ["raw.jsonl:1"], "assistant_cut": ["raw.jsonl:2"]}


def test_the_default_system_is_for_rows_without_one(tmp_path):
    rows = [{"user": "q", "assistant": "a"}, {"user": "q", "assistant": "a", "system": "Mine."}, {"messages": DIALOGUE}]
    report, parts = done("process", lines(tmp_path / "raw.jsonl", rows), tmp_path / "out", system="Be kind.")
    assert [row.get("system") for row in parts["data"]] == ["Be kind.", "Mine.", None]
    assert parts["data"][2]["messages"] == [{"role": "system", "content": "Be kind."}, *DIALOGUE]
    assert report.facts["rows"]["given_the_default_system"] == 2


def test_own_columns_and_columns_that_stay(tmp_path):
    raw = lines(tmp_path / "raw.jsonl", [{"Frage": "q", "text": "a", "topic": "x", "user": "somebody"}])
    columns = {"user": "Frage", "assistant": "text"}
    report, parts = done("process", raw, tmp_path / "out", columns=columns, keep=["topic"])
    assert parts["data"] == [EXCHANGE | {"topic": "x"}]
    assert report.facts["unused_columns"] == {"user": 1}


def test_a_dialogue_with_tools_keeps_them(tmp_path):
    tool = {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}}
    row = {"messages": DIALOGUE[:2], "tools": [tool]}
    _, parts = done("process", lines(tmp_path / "raw.jsonl", [row]), tmp_path / "out")
    assert parts["data"][0]["tools"][0]["function"]["name"] == "now"
    assert parts["data"][0]["messages"] == DIALOGUE[:2]


def test_a_missing_file_names_what_lies_near(tmp_path):
    # The original looked for raw.json and raw.jsonl alone, and its own sample was called sample.jsonl.
    lines(tmp_path / "raw" / "sample.jsonl", [{"user": "q", "assistant": "a"}])
    (tmp_path / "raw" / "raw.csv").write_text("question,answer\nq,a\n")
    with pytest.raises(NotFoundError) as error:
        done("process", tmp_path / "raw" / "raw.json", tmp_path / "out")
    assert "sample.jsonl" in error.value.hint and "raw.csv" in error.value.hint
    _, parts = done("process", tmp_path / "raw", tmp_path / "folder")
    assert parts["data"] == [EXCHANGE, EXCHANGE]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"user": "q"}\n', "none of 1 rows"),
        ('{"user": "q", "assistant": "a"}\n{"x": 1}\n{"x": 1}\n', "2 of 3 rows cannot be taken"),
        ("{}\n", "no_user"),
    ],
)
def test_rows_that_are_mostly_lost_are_refused(tmp_path, text, said):
    raw = tmp_path / "raw.jsonl"
    raw.write_text(text)
    with pytest.raises(DataError, match=said) as error:
        done("process", raw, tmp_path / "out")
    assert "--columns" in error.value.hint


def test_an_array_that_is_cut_off_is_refused_with_its_line(tmp_path):
    raw = tmp_path / "raw.json"
    raw.write_text('[\n{"user": "q", "assistant": "a"},\n{"user": "q", "assi')
    with pytest.raises(DataError, match="not JSON") as error:
        done("process", raw, tmp_path / "out")
    assert error.value.where == f"{raw}:3"


def test_an_empty_file_and_a_folder_without_data_are_refused(tmp_path):
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "folder").mkdir()
    for name in ("empty.jsonl", "folder"):
        with pytest.raises(DataError):
            done("process", tmp_path / name, tmp_path / f"out-{name}")
