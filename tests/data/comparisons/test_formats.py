"""Raw rows of both layouts become columns, and each way to break the format has its reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.data.category_tags import TAGS, tag_number
from runner.data.comparisons import BOTH_BAD, TIE, A, B
from runner.data.comparisons.arrow_conversations import add_arrow
from runner.data.comparisons.json_conversations import add_json
from runner.data.comparisons.raw_layouts import Rows, require_columns
from runner.data.comparisons.winner_words import WINNERS, WinnerWords
from runner.errors import DataError

ROLE = "a role that is not user, assistant or system"
WORDS = WinnerWords("winner", {})


def arrow_rows(out: Rows, table: pa.Table, where: str) -> None:
    add_arrow(out, table, where, WORDS, range(out.read + 1, out.read + table.num_rows + 1))


def as_json(rows: list[dict[str, Any]]) -> Rows:
    out = Rows()
    add_json(out, json.loads(json.dumps(rows)), range(1, len(rows) + 1), WORDS, Path("x.jsonl"))
    return out


def as_arrow(rows: list[dict[str, Any]]) -> Rows:
    out = Rows()
    arrow_rows(out, pa.Table.from_pylist(rows), "test.parquet")
    return out


READERS = pytest.mark.parametrize("read", [as_json, as_arrow], ids=["json", "arrow"])


@READERS
@pytest.mark.parametrize("parts", [True, False], ids=["parts", "strings"])
def test_a_good_row_is_read_whole(raw, read, parts):
    rows = read([raw.row(prompt="P", answers=("x", "y"), history=[("q", "r"), ("s", "t")], parts=parts, kind="sums")])
    assert (rows.model_a, rows.model_b, rows.winner) == (["m1"], ["m2"], [A])
    assert (rows.prompts, rows.responses_a, rows.responses_b) == (["P"], ["x"], ["y"])
    assert rows.histories == [("q", "r", "s", "t")]
    assert rows.groups == ["sums"]
    assert (rows.read, dict(rows.skipped)) == (1, {})


@READERS
def test_every_winner_of_both_layouts(raw, read):
    rows = read([raw.row(winner=winner) for winner in WINNERS])
    assert rows.winner == [A, B, TIE, BOTH_BAD, BOTH_BAD, TIE]


def broken(raw) -> dict[str, tuple[str, dict[str, Any]]]:
    user, assistant = raw.said("user", "P"), raw.said("assistant", "R")
    good = raw.row(prompt="P")
    image = {"role": "user", "content": [{"type": "text", "text": "P"}, {"type": "image", "text": None}]}
    return {
        "no name": ("missing model name", good | {"model_a": None}),
        "blank name": ("missing model name", good | {"model_b": "  "}),
        "same": ("same model twice", good | {"model_b": "m1"}),
        "winner": ("unknown winner", good | {"winner": "model_c"}),
        "no winner": ("unknown winner", good | {"winner": None}),
        "no turns": ("empty conversation", good | {"conversation_a": []}),
        "null turns": ("empty conversation", good | {"conversation_b": None}),
        "image": ("content that is not text", good | {"conversation_a": [image, assistant]}),
        "null content": ("content that is not text", good | {"conversation_a": [raw.said("user", None), assistant]}),
        "answer first": ("roles out of order", good | {"conversation_a": [assistant, user]}),
        "no answer": ("roles out of order", good | {"conversation_a": [user]}),
        "two questions": ("roles out of order", good | {"conversation_b": [user, user, assistant]}),
        "tool": (ROLE, good | {"conversation_b": [user, raw.said("tool", "R")]}),
        "no role": (ROLE, good | {"conversation_b": [user, raw.said(None, "R")]}),
        "late system": ("roles out of order", good | {"conversation_a": [user, raw.said("system", "S")]}),
        "empty prompt": ("empty prompt", raw.row(prompt=" \n")),
        "empty a": ("empty response", raw.row(answers=("", "y"))),
        "empty b": ("empty response", raw.row(answers=("x", "\t"))),
        "prompts": ("prompts differ between a and b", good | {"conversation_a": [raw.said("user", "Q"), assistant]}),
        "length": ("prompts differ between a and b", good | {"conversation_a": [user, assistant, user, assistant]}),
    }


@READERS
def test_each_fault_is_skipped_for_its_reason_and_its_row_told(raw, read):
    cases = broken(raw)
    for name, (reason, row) in cases.items():
        rows = read([raw.row(), row, raw.row()])
        assert (dict(rows.skipped), rows.first, len(rows), rows.read) == ({reason: 1}, {reason: 2}, 2, 3), name
    together = read([row for _, row in cases.values()])
    assert len(together) == 0 and sum(together.skipped.values()) == together.read == len(cases)
    assert together.skipped["roles out of order"] == 4


@READERS
def test_a_system_message_is_context(raw, read):
    row = raw.row(prompt="P")
    for side in ("conversation_a", "conversation_b"):
        row[side] = [raw.said("system", "Be brief."), *row[side]]
    rows = read([row])
    assert rows.histories == [("Be brief.",)] and rows.prompts == ["P"]


@READERS
def test_an_earlier_answer_that_the_two_llms_gave_differently_is_no_context(raw, read):
    row = raw.row(prompt="P", history=[("q", "r"), ("s", "t")])
    row["conversation_b"][1] = raw.said("assistant", "another")
    assert read([row]).histories == [("q", "s", "t")]


@READERS
def test_parts_of_text_are_joined(raw, read):
    row = raw.row(prompt="P")
    for side in ("conversation_a", "conversation_b"):
        row[side][0]["content"] = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    assert read([row]).prompts == ["one\ntwo"]


@READERS
def test_tags_become_twelve_numbers(raw, read):
    tag = {
        "creative_writing_v0.1": {"creative_writing": True, "score": "no"},
        "criteria_v0.1": {"complexity": False, "creativity": True},
        "if_v0.1": {"if": True, "score": 4},
        "math_v0.1": {"math": None},
    }
    rows = read([raw.row(category_tag=tag), raw.row(winner="nobody", category_tag=tag), raw.row(category_tag=None)])
    (table,) = rows.tags
    assert table.shape == (2, len(TAGS)) == (2, 12) and np.isnan(table[1]).all()
    values = dict(zip(TAGS, table[0].tolist(), strict=True))
    assert (values["creative_writing"], values["creative_writing_score"]) == (1, 0)
    assert (values["complexity"], values["creativity"]) == (0, 1)
    assert (values["instruction_following"], values["instruction_following_score"]) == (1, 4)
    assert np.isnan(values["math"]) and np.isnan(values["real_world"])


@pytest.mark.parametrize(
    ("value", "number"), [(True, 1.0), (False, 0.0), ("yes", 1.0), ("No ", 0.0), ("2.5", 2.5), (3, 3.0)]
)
def test_tag_numbers(value, number):
    assert tag_number(value) == number


@pytest.mark.parametrize("value", [None, "", "maybe", "nan", "inf", [], 1e300, float("inf")])
def test_what_says_nothing_is_no_tag_number(value):
    assert np.isnan(tag_number(value))


def test_missing_columns_are_named_with_what_looks_like_them():
    with pytest.raises(DataError, match="missing columns winner, conversation_b") as caught:
        require_columns(["model_a", "model_b", "winer", "conversation_a", "language"], "x.jsonl")
    assert "'winer' for 'winner'" in caught.value.hint and caught.value.where == "x.jsonl"
    with pytest.raises(DataError, match="missing columns") as caught:
        require_columns(["prompt", "chosen"], "x.jsonl")
    assert caught.value.hint == "there are: prompt, chosen"


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("winner", [["m"]]),
        ("model_a", [["m"]]),
        ("model_b", [b"m"]),
        ("model_a", [1.5]),
        ("model_b", [{"name": "m"}]),
        ("model_b", [True]),
        ("conversation_a", [1]),
        ("conversation_b", [[{"role": "user"}]]),
    ],
)
def test_a_column_of_another_type_is_named(raw, column, values):
    table = pa.Table.from_pylist([raw.row()])
    at = table.schema.get_field_index(column)
    with pytest.raises(DataError, match=f"column '?{column}'? holds") as caught:
        arrow_rows(Rows(), table.set_column(at, column, pa.array(values)), "x.parquet")
    assert caught.value.where.startswith("x.parquet") and caught.value.hint


def test_dictionary_encoded_and_chunked_columns_are_as_good(raw):
    rows = [raw.row(prompt=f"p{at}", history=[("q", "r")] * (at % 3)) for at in range(7)]
    table = pa.concat_tables([pa.Table.from_pylist(rows[:3]), pa.Table.from_pylist(rows[3:])])
    for name in ("model_a", "winner"):
        table = table.set_column(table.schema.get_field_index(name), name, table[name].dictionary_encode())
    out = Rows()
    arrow_rows(out, table, "x")
    assert (out.prompts, out.histories, out.winner) == (
        as_json(rows).prompts, as_json(rows).histories, as_json(rows).winner,
    )  # fmt: skip
    # A slice has offsets of its own.
    cut = Rows()
    arrow_rows(cut, table.slice(2, 3), "x")
    assert cut.prompts == ["p2", "p3", "p4"]


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=5)
turn = st.builds(
    lambda role, parts: {"role": role, "content": [{"type": kind, "text": text} for kind, text in parts]},
    st.sampled_from(["user", "assistant", "system", "tool"]),
    st.lists(st.tuples(st.sampled_from(["text", "text", "text", "image"]), texts | st.none()), max_size=2),
)
conversation = st.lists(turn, max_size=4) | st.just(
    [
        {"role": "user", "content": [{"type": "text", "text": "p"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "r"}]},
    ]
)
raw_row = st.fixed_dictionaries(
    {
        "model_a": st.sampled_from(["a", "b", "", None]),
        "model_b": st.sampled_from(["b", "c"]),
        "winner": st.sampled_from([*WINNERS, "?", None]),
        "conversation_a": conversation | st.none(),
        "conversation_b": conversation,
    }
)
MESSAGE = pa.struct(
    [("role", pa.string()), ("content", pa.list_(pa.struct([("type", pa.string()), ("text", pa.string())])))]
)
SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("model_a", "model_b", "winner")]
    + [(name, pa.list_(MESSAGE)) for name in ("conversation_a", "conversation_b")]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(raw_row, max_size=6))
def test_both_readers_agree_on_anything(rows):
    arrow = Rows()
    arrow_rows(arrow, pa.Table.from_pylist(rows, schema=SCHEMA), "x")
    plain = as_json(rows)
    for name in ("model_a", "model_b", "winner", "prompts", "histories", "responses_a", "responses_b", "read", "first"):
        assert getattr(arrow, name) == getattr(plain, name), name
    assert arrow.skipped == plain.skipped
    assert len(plain) + sum(plain.skipped.values()) == plain.read == len(rows)


def chats(raw, make) -> list[dict[str, Any]]:
    rows = [raw.row(prompt=f"p{at}", answers=(f"a{at}", f"b{at}"), parts=False) for at in range(4)]
    return [row | {side: make(row[side]) for side in ("conversation_a", "conversation_b")} for row in rows]


SPELLINGS = {
    "JSON text": json.dumps,
    "ShareGPT": lambda turns: [
        {"from": {"user": "human", "assistant": "gpt"}[turn["role"]], "value": turn["content"]} for turn in turns
    ],
    "Gemini": lambda turns: [turn | {"role": turn["role"].replace("assistant", "model")} for turn in turns],
    "developer": lambda turns: [{"role": "developer", "content": "be brief"}, *turns],
}


@pytest.mark.parametrize("read", [as_json, as_arrow], ids=["json", "arrow"])
@pytest.mark.parametrize("how", SPELLINGS)
def test_conversations_as_others_spell_them(raw, read, how):
    rows = read(chats(raw, SPELLINGS[how]))
    assert rows.prompts == [f"p{at}" for at in range(4)] and rows.responses_b == [f"b{at}" for at in range(4)]
    assert set(rows.histories) == {("be brief",) if how == "developer" else ()}


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("hi", "a conversation that is no list of messages"),
        ({"role": "user"}, "a conversation that is no list of messages"),
        ("", "empty conversation"),
        (None, "empty conversation"),
        ([], "empty conversation"),
    ],
)
def test_what_is_no_conversation_is_told_as_that(raw, cell, reason):
    assert dict(as_json([raw.row() | {"conversation_a": cell}]).skipped) == {reason: 1}
