"""Prompts to be answered, out of the ways in which they are written, with what stands beside them."""

from __future__ import annotations

import pytest

from runner.contract import DataReport
from runner.errors import DataError
from tests.data.dialogues.conftest import assistant, documents, load_file, user

ALL = {"validation_split": 0}


def test_a_prompt_keeps_the_columns_beside_it(lines):
    path = lines(
        {"question": "Two plus two?", "answer": "It is #### 4", "final_answer": 4, "nothing": None},
        {"question": [user("Hi."), assistant("Yes?"), user("Three?")], "answer": "3", "final_answer": 3},
    )
    loaded = load_file("grpo", path, **ALL)
    assert [dict(row.beside) for row in loaded.train] == [
        {"answer": "It is #### 4", "final_answer": 4},
        {"answer": "3", "final_answer": 3},
    ]
    assert [len(row.prompt.messages) for row in loaded.train] == [1, 3]
    assert documents(loaded)[0] == {
        "answer": "It is #### 4",
        "final_answer": 4,
        "messages": [user("Two plus two?")],
    }


def test_the_answer_that_a_conversation_ends_with_is_beside_its_prompt(lines):
    path = lines({"messages": [user("Hi."), assistant("Hello.")]}, {"messages": [user("Bye.")], "right": 1})
    report = DataReport("rewarded_prompts")
    loaded = load_file("grpo", path, report, **ALL)
    assert [row.prompt.messages[-1].content for row in loaded.train] == ["Hi.", "Bye."]
    assert [dict(row.beside) for row in loaded.train] == [{"answer": "Hello."}, {"right": 1}]
    assert report.named["answer_beside_prompt"] == [1]


def test_what_is_written_reads_the_same(lines):
    path = lines({"prompt": "Two?", "system": "Be short.", "right": [1, 2]})
    loaded = load_file("grpo", path, **ALL)
    again = load_file("grpo", lines(*documents(loaded), name="again.jsonl"), **ALL)
    assert documents(again) == documents(loaded)


def test_rows_that_ask_nothing_are_named(lines):
    path = lines(
        {"messages": [{"role": "system", "content": "Be kind."}]},
        {"messages": [user("Hi.")]},
        {"messages": [{"role": "system", "content": "Be kind."}, user("Bye.")]},
    )
    report = DataReport("rewarded_prompts")
    assert len(load_file("grpo", path, report, **ALL).train) == 2
    assert report.named["no_prompt"] == [1]


def test_preferences_are_no_prompts(lines):
    path = lines({"chosen": "a", "rejected": "b"})
    with pytest.raises(DataError) as error:
        load_file("grpo", path, **ALL)
    assert "preferences" in error.value.message
