"""Rows of any values in any columns: each is used or named with a reason, and what is used is read again as it is."""

from __future__ import annotations

import json
import math
import random

import pytest

from runner.chat.messages import Conversation
from runner.data.dialogues.canonical import document
from runner.data.dialogues.collected import layout_rows
from runner.data.dialogues.infer_rows import AskedLayout
from runner.data.dialogues.row_faults import RowFault, Told
from runner.data.dialogues.row_keys import characters, content_key, prompt_key
from runner.data.dialogues.turn_reader import TurnReader
from tests.data.dialogues.conftest import SECTIONS, assistant, user

TURNS = [user("q"), assistant("r")]
VALUES = [
    None, math.nan, "", "x", "[]", "{}", "[{", "null", 0, 1, -1, 2.5, True, [], {}, ["x"], ["x", "y"], [["x", "y"]],
    [user("q")], TURNS, [TURNS], assistant("r"), {"role": "user"}, {"content": "x"}, {"from": "human", "value": "q"},
    json.dumps(TURNS), str(TURNS), "\n\nHuman: q\n\nAssistant: r", "### Human: q### Assistant:", [None], "model_a",
    "tie", [assistant(None, tool_calls=[{"function": None}])], [assistant("", tool_calls="x")], [{"name": "f"}],
    [{"role": "tool", "content": [{"type": "image"}]}], {"role": ["user"], "content": ["x"]}, {"a": [1], "b": [2]},
    [{"type": "text", "text": "x"}], [user([None])], [user([{"type": "tool_result", "content": {"a": 1}}])],
    [user({"text": "x"}) | {"weight": "a"}], [{"function": "f"}], "\U0001f600",
]  # fmt: skip
COLUMNS = [
    "messages", "conversations", "prompt", "completion", "instruction", "input", "output", "history", "system", "tools",
    "text", "chosen", "rejected", "label", "margin", "question", "answer", "responses", "scores", "response_a",
    "response_b", "winner", "instances", "ground_truth", "function", "reasoning", "context", "rejected_response",
    "chat",
]  # fmt: skip


def odd_rows(count):
    drawn = random.Random(11)
    for _ in range(count):
        yield {name: drawn.choice(VALUES) for name in drawn.sample(COLUMNS, drawn.randint(1, 6))}


@pytest.mark.parametrize("kind", SECTIONS)
@pytest.mark.parametrize("from_arrow", [False, True])
def test_a_row_is_used_or_named(kind, from_arrow):
    layout = layout_rows(SECTIONS[kind](dataset="x"), Told(), from_arrow)
    again = layout_rows(SECTIONS[kind](dataset="x"), Told())
    used = 0
    for row in odd_rows(2000):
        try:
            made = layout.rows(row, 1)
        except RowFault as fault:
            assert fault.reason
            continue
        used += 1
        for each in made:
            assert content_key(each) and prompt_key(each) and characters(each) >= 0
            assert again.rows(json.loads(json.dumps(document(each))), 1) == [each]
    assert used or kind in ("dpo", "kto")


def test_a_row_is_asked_or_named():
    layout = AskedLayout({}, Told(), TurnReader(Told()))
    asked = 0
    for row in odd_rows(2000):
        try:
            [made] = layout.rows(row, 1)
            layout.answer_beside(row)
        except RowFault as fault:
            assert fault.reason
            continue
        assert isinstance(made.conversation, Conversation)
        asked += 1
    assert asked
