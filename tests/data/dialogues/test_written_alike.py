"""Rows that are written and read again are the rows that they were, whatever they say."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.chat.messages import Conversation, Message, ToolCall
from runner.data.dialogues.canonical import document
from runner.data.dialogues.collected import layout_rows
from runner.data.dialogues.dialogue_text import dialogue
from runner.data.dialogues.row_faults import Told
from runner.data.dialogues.row_types import ConversationRow, LabelledRow, PreferenceRow, TextRow
from runner.data.invisible_text import is_blank
from tests.data.dialogues.conftest import SECTIONS

words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12).filter(lambda text: not is_blank(text))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | words, lambda each: st.lists(each, max_size=2), max_leaves=3
)
calls = st.builds(ToolCall, words, st.dictionaries(words, values, max_size=2), st.none() | words)
weights = st.none() | st.floats(0.1, 100)
users = st.builds(Message, st.just("user"), words, weight=weights)
plain = st.builds(Message, st.just("assistant"), words, reasoning=st.none() | st.text(max_size=5), weight=weights)
calling = st.builds(
    Message, st.just("assistant"), st.just(""), tool_calls=st.lists(calls, min_size=1, max_size=2).map(tuple)
)
results = st.builds(
    Message, st.just("tool"), st.text(max_size=8), tool_call_id=st.none() | words, name=st.none() | words
)
systems = st.lists(st.builds(Message, st.just("system"), st.text(max_size=8)), max_size=1)
parameters = st.fixed_dictionaries({"type": st.just("object"), "properties": st.dictionaries(words, st.just({}))})
tools = st.lists(
    st.builds(lambda name, how: {"type": "function", "function": {"name": name, "parameters": how}}, words, parameters),
    max_size=2,
).map(tuple)
prompts = st.builds(
    lambda system, before, asked: Conversation((*system, *before, asked)),
    systems,
    st.lists(st.one_of(users, plain, calling, results), max_size=3),
    users,
)
answers = st.lists(plain, min_size=1, max_size=2).map(tuple)


def with_tools(conversation, definitions):
    return Conversation(conversation.messages, definitions)


conversation_rows = st.builds(
    lambda asked, answer, own, worth: ConversationRow(1, Conversation((*asked.messages, *answer), own), worth),
    prompts,
    answers,
    tools,
    st.none() | st.floats(-10, 10),
)
preference_rows = st.builds(
    lambda asked, own, pair, margin: PreferenceRow(1, with_tools(asked, own), *pair, margin),
    prompts,
    tools,
    st.tuples(answers, answers).filter(lambda pair: _said(pair[0]) != _said(pair[1])),
    st.none() | st.floats(-9, 9),
)
labelled_rows = st.builds(
    lambda asked, own, answer, wanted: LabelledRow(1, with_tools(asked, own), answer, wanted),
    prompts,
    tools,
    answers,
    st.booleans(),
)
text_rows = st.builds(TextRow, st.just(1), words)


def _said(turns):
    return [(turn.content.strip(), turn.reasoning) for turn in turns]


def read_again(kind, row):
    written = json.loads(json.dumps(document(row), ensure_ascii=False))
    [again] = layout_rows(SECTIONS[kind](dataset="x"), Told()).rows(written, 1)
    return again


@pytest.mark.parametrize(
    ("kind", "rows"),
    [("sft", conversation_rows), ("dpo", preference_rows), ("kto", labelled_rows), ("causal_lm", text_rows)],
)
def test_rows_are_the_same_when_they_are_read_again(kind, rows):
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(rows)
    def same(row):
        assert read_again(kind, row) == row

    same()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["Human", "Assistant"]), words.map(str.strip)), min_size=2, max_size=6))
def test_dialogues_that_are_one_text_are_their_turns(turns):
    said = [(who, text.replace(":", ";").replace("#", "+")) for who, text in turns]
    found = dialogue("".join(f"\n\n{who}: {text}" for who, text in said))
    if {who for who, _ in said} == {"Human", "Assistant"}:
        expected = [("user" if who == "Human" else "assistant", text.strip()) for who, text in said]
        assert [(turn.role, turn.content) for turn in found] == expected
    else:
        assert found is None
