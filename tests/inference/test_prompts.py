"""Prompts from words, files and pipes: what is read, and what is told of what cannot be."""

from __future__ import annotations

import io
import json
from hashlib import sha256

import pytest

from runner.data.prompt_rows import Row, answer, prompt_row
from runner.data.prompts import from_file, from_pipe, from_words
from runner.errors import DataError, NotFoundError, UsageError

TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "Hello!"},
    {"role": "user", "content": [{"type": "text", "text": "What is"}, {"type": "text", "text": "2 + 2?"}]},
]
ASKED = Row("What is\n2 + 2?", ("Be brief.", "Hi", "Hello!"))


def rows(tmp_path, name, content, format=None):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(from_file(path, format).rows())


def test_text_has_a_prompt_a_line_whatever_ends_it(tmp_path):
    assert rows(tmp_path, "p.txt", "\ufeffone\r\n\n  two \n \nthree") == [Row("one"), Row("  two "), Row("three")]


def test_a_line_of_jsonl_is_a_string_a_prompt_or_a_conversation(tmp_path):
    lines = ["Hi", {"prompt": "Ho", "id": 7, "more": 1}, {"messages": TALK, "id": "x"}, {"conversation": TALK}]
    content = "\n\n".join(json.dumps(line) for line in lines)
    assert rows(tmp_path, "p.jsonl", content) == [Row("Hi"), Row("Ho", (), 7), ASKED._replace(id="x"), ASKED]


def test_category_tags_come_as_in_the_data(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    tags = {"math_v0.1": {"math": True}, "if_v0.1": {"if": "no", "score": 3}, "other": 1}
    expected = (1.0, 0.0, 3.0)
    lines = [{"prompt": "A", "category_tags": tags}, {"messages": TALK, "category_tag": tags}, {"prompt": "B"}]
    parquet.write_table(pa.Table.from_pylist([lines[0], lines[2]]), tmp_path / "p.parquet")
    read = rows(tmp_path, "p.jsonl", "\n".join(json.dumps(line) for line in lines))
    for row in (*read[:2], next(from_file(tmp_path / "p.parquet").rows())):
        assert (row.tags[-1], *row.tags[-3:-1]) == expected and len(row.tags) == 12
        assert sum(tag != tag for tag in row.tags) == 9
    assert read[2].tags is None
    assert prompt_row({"prompt": "A", "category_tags": {"unheard": {"of": 1}}}, "").tags is None
    with pytest.raises(DataError, match='"category_tags" is a list'):
        prompt_row({"prompt": "A", "category_tags": ["math"]}, "p:1")


def test_what_follows_the_last_question_is_left_out():
    assert prompt_row({"messages": [*TALK, {"role": "assistant", "content": "4"}]}, "") == ASKED


@pytest.mark.parametrize("column", ["prompt", "messages", "conversation"])
def test_parquet_has_the_same_columns(tmp_path, column):
    import pyarrow as pa
    from pyarrow import parquet

    talk = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}, {"role": "user", "content": "Q"}]
    values = ["A", "B"] if column == "prompt" else [talk, talk[:1]]
    parquet.write_table(pa.table({"id": [4, None], column: values, "other": [0, 0]}), tmp_path / "p.parquet")
    wanted = [Row("A", (), 4), Row("B")] if column == "prompt" else [Row("Q", ("Hi", "Ho"), 4), Row("Hi")]
    prompts = from_file(tmp_path / "p.parquet")
    assert list(prompts.rows()) == wanted
    assert list(prompts.rows()) == wanted, "it is read twice"


@pytest.mark.parametrize(
    ("piped", "format"),
    [
        (b'\n {"prompt": "a"}\n', "jsonl"),
        (b'"a"\n', "jsonl"),
        (b'\xef\xbb\xbf"a"\n', "jsonl"),
        (b'"a" she said\n', "text"),
        (b"{not json\n", "text"),
        (b"a\n", "text"),
        (b"[1]\n", "text"),
    ],
)
def test_a_pipe_is_jsonl_if_its_first_line_is(piped, format):
    assert from_pipe(io.BytesIO(piped)).format == format
    assert from_pipe(io.BytesIO(piped), "text").format == "text"


def test_a_check_counts_and_takes_fingerprints(tmp_path):
    (tmp_path / "p.txt").write_text("a\n\nä\na\n")
    prompts = from_file(tmp_path / "p.txt")
    prompts.check()
    assert (prompts.count, prompts.blank, prompts.has_ids) == (3, 1, False)
    assert prompts.prompts_sha256 == sha256(json.dumps(["a", "ä", "a"]).encode()).hexdigest()
    assert prompts.facts()["sha256"] == sha256("a\n\nä\na\n".encode()).hexdigest()
    words = from_words(["a", "ä", "a"])
    words.check()
    assert words.prompts_sha256 == prompts.prompts_sha256


def test_chunks_tell_of_a_file_that_was_changed(tmp_path):
    path = tmp_path / "p.txt"
    path.write_text("a\nb\nc\n")
    prompts = from_file(path)
    prompts.check()
    assert [len(chunk) for chunk in prompts.chunks(2)] == [2, 1]
    with path.open("r+") as file:
        file.write("x")
    with pytest.raises(DataError, match="was changed"):
        list(prompts.chunks(2))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "not JSON: expecting property name"),
        ("[" * 100_000, "not JSON"),
        ("3", "found a number"),
        ("null", "found null"),
        ('["a"]', "found a list"),
        ("{}", "the object has nothing"),
        ('{"text": "a"}', "the object has 'text'"),
        ('{"prompt": 3}', '"prompt" is a number'),
        ('{"prompt": "a", "id": 1.5}', "the id is a number"),
        ('{"prompt": "a", "id": true}', "the id is true"),
        ('"\\ud800"', "half a character"),
        ('{"messages": "a"}', '"messages" is a string'),
        ('{"messages": []}', "no message is a user's"),
        ('{"messages": [{"role": "user"}]}', "the content of message 1 is not text"),
        ('{"messages": [{"role": "user", "content": [{"type": "image"}]}]}', "the content of message 1 is not text"),
        ('{"messages": [{"role": "boss", "content": "a"}]}', "message 1 has no role"),
        ('{"messages": [{"role": "assistant", "content": "a"}]}', "no message is a user's"),
    ],
)
def test_a_line_that_is_no_prompt_is_told_with_its_number(tmp_path, line, says):
    with pytest.raises(DataError) as caught:
        rows(tmp_path, "p.jsonl", f'"fine"\n\n{line}\n')
    assert says in caught.value.message
    assert caught.value.where == f"{tmp_path / 'p.jsonl'}:3"
    assert "expected" in caught.value.hint or "an id is" in caught.value.hint


def test_bytes_that_are_no_text_are_told_with_their_line(tmp_path):
    with pytest.raises(DataError, match="byte 0xe9 at position 4") as caught:
        rows(tmp_path, "p.txt", b"good\ncaf\xe9\n")
    assert caught.value.where.endswith("p.txt:2")


@pytest.mark.parametrize(("name", "content"), [("p.txt", "\n \n"), ("p.jsonl", ""), ("p.parquet", b"PAR1")])
def test_a_file_without_a_prompt(tmp_path, name, content):
    with pytest.raises(DataError) as caught:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        from_file(path).check()
    assert caught.value.where == str(tmp_path / name)


def test_a_parquet_file_without_the_column_says_what_there_is(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table({"question": ["a"]}), tmp_path / "p.parquet")
    with pytest.raises(DataError) as caught:
        from_file(tmp_path / "p.parquet").check()
    assert "question" in caught.value.hint


def test_files_that_are_none(tmp_path):
    for name, error in (("none.txt", NotFoundError), ("p.csv", UsageError), (".", UsageError)):
        (tmp_path / "p.csv").write_text("prompt\na\n")
        with pytest.raises(error) as caught:
            from_file(tmp_path / name)
        assert caught.value.where == str(tmp_path / name)
    with pytest.raises(UsageError, match="not a regular file"):
        from_file(type(tmp_path)("/dev/null"))


def test_a_pair_is_a_prompt_and_a_response_or_how_a_conversation_ends():
    assert answer({"prompt": "a", "response": "b"}, "") == ("a", "b")
    assert answer({"messages": [*TALK, {"role": "assistant", "content": "4"}]}, "") == ("What is\n2 + 2?", "4")
    for value, says in (
        ("a", "found a string"),
        ({"prompt": "a"}, '"response" is missing'),
        ({"prompt": "a", "response": 3}, '"response" is a number'),
        ({"response": "a"}, '"prompt" is missing'),
        ({"prompt": "a", "response": " "}, "the response is empty"),
        ({"messages": TALK}, "do not end in"),
    ):
        with pytest.raises(DataError) as caught:
            answer(value, "f:1")
        assert says in caught.value.message


def test_roles_by_other_names(tmp_path):
    path = tmp_path / "x.jsonl"
    turns = [{"role": "developer", "content": "be brief"}, {"role": "model", "content": "hi"}]
    path.write_text(json.dumps({"messages": [*turns, {"role": "user", "content": "Go on"}]}) + "\n")
    (row,) = from_file(path).rows()
    assert (row.prompt, row.history) == ("Go on", ("be brief", "hi"))


def test_every_line_that_is_no_prompt_is_told(tmp_path):
    with pytest.raises(DataError) as caught:
        rows(tmp_path, "p.jsonl", '"fine"\n3\n{"prompt": "a"}\nnull\n4\n')
    assert caught.value.where == f"{tmp_path / 'p.jsonl'}:2"
    assert caught.value.message == (
        "found a number; and 2 rows more cannot be used: line 4: found null; line 5: found a number"
    )
