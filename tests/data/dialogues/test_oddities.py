"""What is odd about rows that are learned as they stand, and what is no text though it has signs."""

from __future__ import annotations

import json

import pytest

from runner.data.dialogues.row_faults import ODDITIES
from tests.data.dialogues.conftest import assistant, documents, user

RENDERED = "<|im_start|>user\nName a bird.<|im_end|>\n<|im_start|>assistant\n"


def odd(loaded) -> set[str]:
    return {word for word in loaded.report.named if word in ODDITIES}


@pytest.mark.parametrize(
    ("prompt", "answer", "word"),
    [
        (RENDERED, "A wren.", "written_in_a_chat_format"),
        ("<s>[INST] Name a bird. [/INST]", "A wren.", "written_in_a_chat_format"),
        ("### Instruction:\nName a bird.\n\n### Response:\n", "A wren.", "written_in_a_chat_format"),
        ("Name a bird.", "<think>Birds can fly, so", "thought_alone"),
        ("Name a bird.", "<think>A wren.</think>\n", "thought_alone"),
        ("Name a bird.", "nan", "answer_says_nothing"),
        ("Name a bird.", "Name a bird. A wren.", "answers_begin_with_prompt"),
        ("Name a b\ufffd\ufffdrd.", "A wren.", "lost_letters"),
    ],
)
def test_a_row_that_is_seldom_meant_is_told_and_kept(prompt, answer, word, load):
    loaded = load("sft", {"prompt": prompt, "completion": answer}, {"prompt": "Name a tree.", "completion": "An ash."})
    assert loaded.report.named[word] == [1]
    assert odd(loaded) == {word}
    assert any(ODDITIES[word] in warning for warning in loaded.report.warnings)
    assert documents(loaded)[0]["messages"] == [user(prompt), assistant(answer)]


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("What does ### mean in Markdown?", "A heading of the third level."),
        ("What is <|endoftext|>?", "A token. <|im_start|> is another."),
        ("Name a bird.", "<think>Birds can fly.</think>\nA wren."),
        ("Is there one?", "None."),
        ("Hello", "Hello you"),
    ],
)
def test_what_only_looks_like_it_is_not_told(prompt, answer, load):
    assert odd(load("sft", {"prompt": prompt, "completion": answer})) == set()


def test_an_answer_is_judged_only_where_it_is_wanted(load):
    cut = "<think>Birds can fly, so"
    assert odd(load("kto", {"prompt": "q", "completion": cut, "label": True})) == {"thought_alone"}
    assert odd(load("kto", {"prompt": "q", "completion": cut, "label": False})) == set()
    assert odd(load("dpo", {"prompt": "q", "chosen": cut, "rejected": "nan"})) == {"thought_alone"}
    assert odd(load("dpo", {"prompt": "q", "chosen": "A wren.", "rejected": cut})) == set()


def test_scores_that_say_the_rejected_answer_is_the_better_one_are_told(load):
    row = {"prompt": "q", "chosen": "a", "rejected": "b"}
    assert odd(load("dpo", row | {"score_chosen": 9.0, "score_rejected": 2.0})) == set()
    loaded = load("dpo", row | {"score_chosen": 2.0, "score_rejected": 9.0})
    assert odd(loaded) == {"chosen_scored_lower"}
    assert documents(loaded)[0]["chosen"] == [assistant("a")]


@pytest.mark.parametrize("row", [{"reasoning_content": "They fly."}, {"reasoning": "They fly."}])
def test_a_thought_that_stands_there_twice_is_learned_once(row, load):
    text = "<think>\nThey fly.\n</think>\n\nA wren."
    once = assistant("A wren.", reasoning_content="They fly.")
    loaded = load("sft", {"messages": [user("Name a bird."), assistant(text) | row]})
    assert documents(loaded)[0]["messages"][1] == once
    assert loaded.report.rows_changed == {"thought_written_twice": 1}
    loaded = load("sft", {"question": "Name a bird.", "answer": text, "reasoning": "They fly."})
    assert documents(loaded)[0]["messages"][1] == once
    other = load("sft", {"messages": [user("Name a bird."), assistant(text, reasoning="They sing.")]})
    assert documents(other)[0]["messages"][1]["content"] == text


@pytest.mark.parametrize("blank", ["\u200b", "\ufeff \u200d", " \n"])
def test_a_text_of_which_nothing_is_seen_is_no_answer_and_no_question(blank, load):
    good = {"prompt": "Name a bird.", "completion": "A wren."}
    loaded = load("sft", good, good | {"completion": blank}, good | {"prompt": blank}, max_rows_lost=0.9)
    assert loaded.report.rows_dropped == {"empty_answer": 1, "empty_prompt": 1}
    turns = [{"messages": [user("Name a bird."), assistant("A wren.")]}, {"messages": [user(blank), assistant("x")]}]
    assert load("sft", *turns).report.rows_dropped == {"empty_prompt": 1}


def call(identity: str | None) -> dict[str, object]:
    own = {} if identity is None else {"id": identity}
    return assistant(None, tool_calls=[own | {"type": "function", "function": {"name": "f", "arguments": {}}}])


@pytest.mark.parametrize(
    ("turns", "words"),
    [
        ([call("a"), {"role": "tool", "tool_call_id": "a", "content": "1"}], set()),
        ([call(None), {"role": "tool", "tool_call_id": "a", "content": "1"}], set()),
        ([call("a"), {"role": "tool", "content": "1"}], set()),
        ([{"role": "tool", "content": "1"}], {"unasked_tool_answer"}),
        (
            [call("a"), {"role": "tool", "tool_call_id": "b", "content": "1"}],
            {"unasked_tool_answer", "unanswered_call"},
        ),
        ([call("a"), user("And?")], {"unanswered_call"}),
    ],
)
def test_calls_and_their_answers_belong_together(turns, words, load):
    assert odd(load("sft", {"messages": [user("q"), *turns, assistant("It is one.")]})) == words


@pytest.mark.parametrize("arguments", [None, {}, "", "null", "{}"])
def test_a_call_without_arguments_is_one_however_that_is_written(arguments, load):
    call = {"type": "function", "function": {"name": "today", "arguments": arguments}}
    loaded = load("sft", {"messages": [user("Which day?"), assistant(None, tool_calls=[call])]})
    assert documents(loaded)[0]["messages"][1]["tool_calls"][0]["function"]["arguments"] in ({}, "{}")


def test_pictures_beside_a_conversation_are_not_passed_over_in_silence(load):
    row = {"messages": [user("<image>What is it?"), assistant("A wren.")]}
    assert any(
        "'images' is not read" in warning for warning in load("sft", row | {"images": ["a.png"]}).report.warnings
    )
    assert not load("sft", row | {"images": []}).report.warnings


def test_a_part_without_its_text_is_called_so(load):
    row = {"messages": [user([{"type": "text", "text": None}]), assistant("x")]}
    loaded = load("sft", row, {"messages": [user("q"), assistant("x")]})
    assert any("a part of the type 'text' whose text is nothing" in warning for warning in loaded.report.warnings)
    assert json.dumps(loaded.report.rows_dropped) == '{"unsupported_part": 1}'
