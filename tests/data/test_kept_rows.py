"""Rows that are kept: few in memory, many on disk, the same to those who read them."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pytest

from runner.chat.messages import Conversation, Message, ToolCall
from runner.data import kept_rows
from runner.data.context_questions.question_row import GoldAnswer, QuestionRow
from runner.data.dialogues.row_types import ConversationRow, PairRow, SourceRow
from runner.data.kept_rows import KeptRows, taken
from runner.data.tagged_tokens.tagged_row import TaggedRow
from runner.errors import EnvironmentProblem

ROWS = [
    ("a text", "half a character \ud800, ü, 語\0\n"),
    None,
    "t",
    float("-inf"),
    2**70,
    ["t", ("l", {"t": [1, 2.5, True, None]})],
    {},
    (),
    date(2024, 2, 29),
    {1: "a key that is no text"},
    TaggedRow(3, ("a", "b"), ("O", "B-X"), "a b", ((0, 1), (2, 3)), "own"),
    QuestionRow(4, "context", "question?", (GoldAnswer("con", 0),), 7, None),
    PairRow(5, "one", "two", ("three",), 0.1 + 0.2, None),
    SourceRow(6, "source", ("target", "another")),
    ConversationRow(
        7,
        Conversation(
            (Message("user", "asks"), Message("assistant", "", tool_calls=(ToolCall("find", {"at": [1]}, "i"),))),
            ({"type": "function", "function": {"name": "find"}},),
        ),
    ),
]


@dataclass(frozen=True)
class Own:
    """A row of a test's own."""

    text: str


@pytest.fixture(params=["few", "many"])
def kept(request, tmp_path, monkeypatch):
    """Rows that are kept in memory, or on disk."""
    if request.param == "many":
        monkeypatch.setattr(kept_rows, "HELD", 0)
        monkeypatch.setattr(kept_rows, "CHUNK", 100)
    return KeptRows(tmp_path / "cache", ROWS)


def test_a_row_is_read_as_it_was_added(kept):
    assert len(kept) == len(ROWS)
    assert list(kept) == ROWS
    assert [kept[at] for at in range(len(ROWS))] == ROWS
    assert [type(row) for row in kept] == [type(row) for row in ROWS]
    assert kept[-1] == ROWS[-1]
    assert kept[2:5] == ROWS[2:5]
    with pytest.raises(IndexError):
        kept[len(ROWS)]


def test_rows_are_added_while_others_are_read(kept):
    assert kept[0] == ROWS[0]
    kept.append(Own("more"))
    assert kept[len(ROWS)] == Own("more")
    assert list(kept) == [*ROWS, Own("more")]


def test_some_rows_are_taken_in_their_own_order(kept):
    some = taken(kept, np.array([5, 0, 5]))
    assert (len(some), list(some)) == (3, [ROWS[5], ROWS[0], ROWS[5]])
    assert (some[1], some[1:]) == (ROWS[0], [ROWS[0], ROWS[5]])
    assert list(taken(some, np.array([2, 1]))) == [ROWS[5], ROWS[0]]


def test_many_rows_lie_on_disk_and_leave_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_rows, "HELD", 0)
    folder = tmp_path / "cache"
    kept = KeptRows(folder, ["text"] * 3)
    assert kept._few is None and kept[1] == "text"
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_rows, "HELD", 0)
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(EnvironmentProblem, match="cache"):
        KeptRows(tmp_path / "cache", ["text"])
