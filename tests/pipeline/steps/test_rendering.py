"""``render``: the texts that a model reads and writes, and their tokens the same in training and in use."""

from __future__ import annotations

import pytest

from runner.chat.messages import Conversation, Message
from runner.chat.renderer import ChatRenderer
from runner.errors import DataError
from tests.pipeline.steps.made import done, lines

EXCHANGE = {"system": "Be kind.", "user": "What is 1+1?", "assistant": "2"}
DIALOGUE = [
    {"role": "user", "content": "one"},
    {"role": "assistant", "content": "two"},
    {"role": "user", "content": "three"},
    {"role": "assistant", "content": "four"},
]


def test_the_line_break_after_the_header_stays_and_the_answer_ends_with_its_mark(tmp_path):
    # The original trimmed the prompt, and glued the answer to the role's word.
    _, parts = done("render", lines(tmp_path / "rows.jsonl", [EXCHANGE | {"topic": "x"}]), tmp_path / "out")
    assert parts["data"] == [
        {
            "input": "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nWhat is 1+1?<|im_end|>\n"
            "<|im_start|>assistant\n",
            "target": "2<|im_end|>",
            "topic": "x",
        }
    ]


def test_each_answer_of_a_dialogue_is_a_row_with_all_before_it(tmp_path):
    _, parts = done("render", lines(tmp_path / "rows.jsonl", [{"messages": DIALOGUE}]), tmp_path / "out")
    first, second = parts["data"]
    assert (first["target"], second["target"]) == ("two<|im_end|>", "four<|im_end|>")
    assert (
        second["input"] == first["input"] + "two<|im_end|>\n<|im_start|>user\nthree<|im_end|>\n<|im_start|>assistant\n"
    )


@pytest.mark.parametrize("name", ["chatml", "alpaca", "llama", "vicuna", "zephyr", "mistral", "tokenizer"])
def test_its_tokens_are_those_of_training_and_of_use(name, tmp_path, tokenizer):
    # The original's training read the prompt without its marks, and never learned to end an answer.
    rows = lines(tmp_path / "rows.jsonl", [EXCHANGE, {"messages": DIALOGUE}])
    _, parts = done("render", rows, tmp_path / "out", format=name, model="runner/tiny-llama")
    turns = [Message(role, text) for role, text in EXCHANGE.items()]
    dialogue = [Message(turn["role"], turn["content"]) for turn in DIALOGUE]
    renderer = ChatRenderer.of(tokenizer, name)
    for row, messages in zip(parts["data"], (turns, dialogue[:2], dialogue), strict=True):
        trained = renderer.trained(Conversation(tuple(messages)), "last_assistant")
        assert tokenizer(row["input"] + row["target"], add_special_tokens=False).input_ids == trained.ids
        asked = renderer.prompt(Conversation(tuple(messages[:-1])))
        assert tokenizer(row["input"], add_special_tokens=False).input_ids == asked
        assert trained.ids[-1] in renderer.stop_ids and trained.weights[-1] == 1


def test_a_template_of_ones_own(tmp_path):
    template = tmp_path / "own.jinja"
    template.write_text("{% if system %}[{{ system }}]\n{% endif %}{{ user }}\nA:\n")
    rows = lines(tmp_path / "rows.jsonl", [EXCHANGE, {"messages": DIALOGUE}])
    report, parts = done("render", rows, tmp_path / "out", template=str(template), end_of_turn="</s>")
    assert parts["data"] == [{"input": "[Be kind.]\nWhat is 1+1?\nA:\n", "target": "2</s>"}]
    # What has no place in it is named, and no turn is left out silently.
    assert report.named == {"more_than_one_exchange": ["rows.jsonl:2"]} and not any(
        "mark" in w for w in report.warnings
    )
    report, _ = done("render", rows, tmp_path / "unended", template=str(template))
    assert "end_of_turn" in report.warnings[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ user", "line 1"),
        ("{{ nobody }}", "'nobody' is undefined"),
        ("{{ user.__class__.__mro__ }}", "unsafe"),
        ("{% include '/etc/passwd' %}", "falls over"),
        ("{{ user / 2 }}", "falls over"),
    ],
)
def test_templates_that_cannot_be_used_are_refused(tmp_path, text, said):
    template = tmp_path / "own.jinja"
    template.write_text(text)
    with pytest.raises(DataError, match=said) as error:
        done("render", lines(tmp_path / "rows.jsonl", [EXCHANGE]), tmp_path / "out", template=str(template))
    assert str(template) in error.value.where


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"format": "llama"}, "model"),
        ({"format": "tokenizer"}, "model"),
        ({"end_of_turn": "</s>"}, "end_of_turn"),
        ({"template": "none.jinja", "format": "llama"}, "format"),
        ({"template": "none.jinja", "model": "runner/tiny-llama"}, "model"),
        ({"template": "none.jinja"}, "template: none.jinja"),
    ],
)
def test_options_that_say_too_little_or_too_much_are_refused(tmp_path, options, where):
    with pytest.raises(DataError) as error:
        done("render", lines(tmp_path / "rows.jsonl", [EXCHANGE]), tmp_path / "out", **options)
    assert error.value.where == where


def test_rows_without_turns_are_refused(tmp_path):
    with pytest.raises(DataError, match="no turns"):
        done("render", lines(tmp_path / "rows.jsonl", [{"question": "q", "answer": "a"}]), tmp_path / "out")
