"""Files of conversations: every bad line is told, blank ones are passed over, wrapped ones are unwrapped."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from runner.errors import DataError, NotFoundError
from runner.execution.data_trial import read_data
from runner.wizard.sft_rows import check_file, found_files, row_fault, written_plainly

GOOD = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]}


def turns(*pairs: tuple[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in pairs]}


def write(path: Path, *rows: Any) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def test_a_good_file_is_counted_and_blank_lines_are_passed_over_as_training_does(tmp_path: Path):
    found = check_file(write(tmp_path / "a.jsonl", GOOD, "", GOOD, "   "))
    assert (found.rows, found.blank, found.faults) == (2, 2, [])
    assert found.lines() == ["valid: 2 rows, 2 blank lines passed over"]
    assert read_data(str(tmp_path / "a.jsonl"), "sft").report.rows_kept == 2


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("{", "it is no JSON: Expecting property name enclosed in double quotes"),
        ("[1]", "the line is no JSON object"),
        ({"text": "Hi"}, "there are no messages"),
        ({"messages": []}, "there are no messages"),
        ({"messages": ["Hi"]}, "messages[0] is no object"),
        (
            turns(("human", "Hi")),
            "messages[0] has the role 'human', which is none of system, user, assistant, developer, tool, function",
        ),
        (turns(("user", "Hi")), "the last message is of the user: there is no answer to learn"),
        (turns(("user", "Hi"), ("assistant", "")), "messages[1] says nothing: it has no content and no tool_calls"),
        (turns(("user", "Hi"), ("assistant", None)), "messages[1] says nothing: it has no content and no tool_calls"),
        (GOOD | {"tools": "search"}, "tools is no list"),
        ({"input": {"messages": []}}, "there are no messages"),
        ({"input": turns(("user", "Hi"))}, "the last message is of the user: there is no answer to learn"),
    ],
)
def test_a_bad_line_is_told_by_its_number(tmp_path: Path, row: Any, fault: str):
    found = check_file(write(tmp_path / "a.jsonl", GOOD, row, GOOD))
    assert found.faults == [(2, fault)]
    assert found.lines() == ["1 line cannot be used, 2 rows can:", f"  line 2: {fault}"]


def test_every_bad_line_is_told_and_not_the_first_alone(tmp_path: Path):
    bad = turns(("user", "Hi"))
    found = check_file(write(tmp_path / "a.jsonl", bad, bad, bad, GOOD, "{}", bad))
    assert [line for line, _ in found.faults] == [1, 2, 3, 5, 6]
    assert "  lines 1-3, 6: the last message is of the user: there is no answer to learn" in found.lines()
    assert "  line 5: there are no messages" in found.lines()


def test_a_turn_that_calls_a_tool_says_something():
    call = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}
    assert row_fault({"messages": [{"role": "user", "content": "Hi"}, call]}) is None


@pytest.mark.parametrize("text", ["", "\n\n  \n"])
def test_an_empty_file_is_said_to_be_empty(tmp_path: Path, text: str):
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(DataError, match="the file is empty"):
        check_file(tmp_path / "a.jsonl")


def test_a_file_that_is_not_there_and_a_folder_are_told(tmp_path: Path):
    with pytest.raises(NotFoundError, match="no such file"):
        check_file(tmp_path / "none.jsonl")
    with pytest.raises(DataError, match="is a folder"):
        check_file(tmp_path)


def test_bytes_that_are_no_text_are_told_and_a_mark_at_the_beginning_is_none(tmp_path: Path):
    (tmp_path / "a.jsonl").write_bytes(b"\xef\xbb\xbf" + json.dumps(GOOD).encode() + b'\n{"\xff"}\n')
    found = check_file(tmp_path / "a.jsonl")
    assert (found.rows, found.faults) == (1, [(2, "the line is not UTF-8")])


def test_rows_in_an_input_wrapper_are_written_so_that_training_reads_them(tmp_path: Path):
    """Upstream's check let them pass, and its training read nothing of them."""
    asked = turns(("user", "Hi"))
    tools = [{"type": "function", "function": {"name": "look", "parameters": {}}}]
    source = write(
        tmp_path / "logged.jsonl",
        {"input": GOOD | {"tools": tools}},
        {"input": asked, "output": {"role": "assistant", "content": "Yes."}},
        {"input": asked, "output": {"choices": [{"message": {"role": "assistant", "content": "No."}}]}},
        {"input": asked, "output": "Maybe."},
        GOOD,
    )
    found = check_file(source)
    assert (found.rows, found.wrapped, found.faults) == (5, 4, [])
    assert written_plainly(source, tmp_path / "plain.jsonl") == 5
    rows = [json.loads(line) for line in (tmp_path / "plain.jsonl").read_text().splitlines()]
    assert [row["messages"][-1]["content"] for row in rows] == ["Hello.", "Yes.", "No.", "Maybe.", "Hello."]
    assert rows[0]["tools"] == tools
    assert read_data(str(tmp_path / "plain.jsonl"), "sft").report.rows_kept == 5


def test_bad_lines_can_be_left_out(tmp_path: Path):
    source = write(tmp_path / "a.jsonl", GOOD, "{", turns(("user", "Hi")), GOOD)
    assert written_plainly(source, tmp_path / "b.jsonl", without_faults=True) == 2
    assert check_file(tmp_path / "b.jsonl").faults == []


def test_the_five_newest_files_are_found_below_newest_first_by_their_full_paths(tmp_path: Path):
    below = tmp_path / "data" / "more"
    below.mkdir(parents=True)
    for age, place in enumerate([tmp_path, below, tmp_path, below, tmp_path, below, tmp_path]):
        file = write(place / f"f{age}.jsonl", GOOD)
        os.utime(file, (1_000_000 - age, 1_000_000 - age))
    for hidden in (".git", "runs", "node_modules"):
        (tmp_path / hidden).mkdir()
        write(tmp_path / hidden / "x.jsonl", GOOD)
    (tmp_path / "other.json").write_text("{}")
    found = found_files(tmp_path)
    assert [path.name for path in found] == ["f0.jsonl", "f1.jsonl", "f2.jsonl", "f3.jsonl", "f4.jsonl"]
    assert all(path.is_absolute() for path in found)
    assert found_files(tmp_path / "data" / "none") == []
