"""Prompts and conversations to be answered, from words, files of every container, and pipes."""

from __future__ import annotations

import io
import json

import pytest

from runner.data.dialogues import infer_rows
from runner.errors import DataError, UsageError
from tests.data.dialogues.conftest import assistant, user


def read(rows):
    rows.check()
    return [row for chunk in rows.chunks(2) for row in chunk]


def turns(row):
    return row.conversation.as_dict()["messages"]


def test_words_are_users_turns():
    rows = infer_rows.from_words(["Why?", "Human: no dialogue"])
    assert [turns(row) for row in read(rows)] == [[user("Why?")], [user("Human: no dialogue")]]
    assert (rows.count, rows.has_ids, rows.empty) == (2, False, False)
    assert rows.provenance()["prompts"] == 2


def test_lines_of_text(tmp_path):
    path = tmp_path / "p.txt"
    path.write_text("Why?\n\nHow?\n")
    rows = infer_rows.from_file(path)
    assert [turns(row) for row in read(rows)] == [[user("Why?")], [user("How?")]]
    assert rows.blank == 1


def test_rows_of_json_lines_are_prompts_turns_or_texts(lines):
    path = lines(
        {"prompt": "Why?", "id": "a", "system": "Be brief."},
        {"messages": [user("a"), assistant("b"), user("c")], "id": 7, "tools": "[]"},
        {"messages": [user("a"), assistant("Once upon")]},
        '"How?"',
        {"instruction": "Translate.", "input": "pain"},
        {"question": "Which?", "answer": "This."},
    )
    rows = infer_rows.from_file(path)
    found = read(rows)
    assert [row.id for row in found] == ["a", 7, None, None, None, None]
    assert [turns(row) for row in found] == [
        [{"role": "system", "content": "Be brief."}, user("Why?")],
        [user("a"), assistant("b"), user("c")],
        [user("a"), assistant("Once upon")],
        [user("How?")],
        [user("Translate.\n\npain")],
        [user("Which?")],
    ]
    assert [message.content for message in found[-1].answer] == ["This."]
    assert rows.has_ids


def test_every_container_gives_the_same_rows(tmp_path, lines):
    import csv

    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{"id": f"r{number}", "prompt": f"What is {number}?"} for number in range(5)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "p.parquet")
    (tmp_path / "p.json").write_text(json.dumps(rows))
    with (tmp_path / "p.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["id", "prompt"])
        writer.writeheader()
        writer.writerows(rows)
    expected = read(infer_rows.from_file(lines(*rows)))
    for name in ("p.parquet", "p.json", "p.csv"):
        assert read(infer_rows.from_file(tmp_path / name)) == expected


def test_a_pipe_is_told_by_how_it_begins():
    for text, prompts in (
        ('{"prompt": "a"}\n"b"\n', ["a", "b"]),
        ("a\nb\n", ["a", "b"]),
        ('[{"prompt": "a"}]', ["a"]),
        ("[not json]\n", ["[not json]"]),
    ):
        rows = infer_rows.from_pipe(io.BytesIO(text.encode()))
        assert [turns(row)[0]["content"] for row in read(rows)] == prompts
        rows.close()
    rows = infer_rows.from_pipe(io.BytesIO(b"prompt\na\n"), "csv")
    assert [turns(row) for row in read(rows)] == [[user("a")]]


def test_the_training_datas_names_are_known_and_need_not_be_there(lines):
    path = lines({"frage": "Warum?"}, {"prompt": "Why?"})
    rows = infer_rows.from_file(path, columns={"prompt": "frage", "completion": "antwort", "system": None})
    assert [turns(row) for row in read(rows)] == [[user("Warum?")], [user("Why?")]]


def test_equal_questions_have_equal_keys(lines):
    first, second, other = read(
        infer_rows.from_file(lines({"prompt": "a"}, {"messages": [user("a")]}, {"prompt": "b"}))
    )
    assert first.key() == second.key() != other.key()


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"title": "x"}, "there are 'title'"),
        ({"prompt": ""}, "nothing asked"),
        ({"messages": [{"role": "narrator", "content": "x"}]}, "'narrator'; it has to be user, assistant, system or"),
        ({"messages": [{"role": "system", "content": "x"}]}, "nothing to answer"),
        ([1], "neither a text nor an object"),
    ],
)
def test_what_cannot_be_answered_is_told_with_its_line(row, says, lines):
    path = lines({"prompt": "fine"}, json.dumps(row))
    with pytest.raises(DataError, match=says) as refused:
        infer_rows.from_file(path).check()
    assert refused.value.where == f"{path}:2"


def test_nothing_and_other_files_are_refused(tmp_path):
    with pytest.raises(UsageError, match="no prompts"):
        infer_rows.from_words([])
    (tmp_path / "p.pdf").write_text("x")
    with pytest.raises(UsageError, match="no suffix of one"):
        infer_rows.from_file(tmp_path / "p.pdf")
    (tmp_path / "p.txt").write_text("\n")
    with pytest.raises(DataError, match="no row in it"):
        infer_rows.from_file(tmp_path / "p.txt").check()


def test_a_file_that_changes_meanwhile_is_told(lines):
    path = lines({"prompt": "a"}, {"prompt": "b"})
    rows = infer_rows.from_file(path)
    rows.check()
    path.write_text('{"prompt": "a"}\n')
    with pytest.raises(DataError, match="changed while it was read"):
        list(rows.chunks(2))


@pytest.mark.parametrize("name", ["x.jsonl", "x.json"])
def test_every_row_that_asks_nothing_is_told(tmp_path, name):
    path = tmp_path / name
    rows = [{"prompt": "Why?"}, {"prompt": 3 * [1]}, {"other": "a"}, {"prompt": "How?"}, {"messages": []}]
    lines = [json.dumps(row) for row in rows]
    path.write_text("[" + ",\n".join(lines) + "]" if name.endswith("json") else "\n".join(lines))
    with pytest.raises(DataError) as caught:
        infer_rows.from_file(path).check()
    assert caught.value.where == f"{path}:2"
    assert "and 2 rows more cannot be used: line 3: " in caught.value.message
    assert "line 5: " in caught.value.message
