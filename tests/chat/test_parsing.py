"""An answer back to a message, as each way of writing has it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.chat.messages import Conversation, Message, ToolCall
from runner.chat.parsing import CALLS, calls_in
from runner.chat.renderer import ChatRenderer
from tests.chat.tiny_tokenizers import tiny_tokenizer

_ADD = ToolCall("add", {"a": 3, "s": "b c"})
_WRITTEN = {
    "json": 'Let me see.\n<tool_call>\n{"name": "add", "arguments": {"a": 3, "s": "b c"}}\n</tool_call>',
    "functions": "Let me see.<tool_call>\n<function=add>\n<parameter=a>\n3\n</parameter>\n<parameter=s>\nb c\n"
    "</parameter>\n</function>\n</tool_call>",
    "pairs": "Let me see.\n<tool_call>add\n<arg_key>a</arg_key>\n<arg_value>3</arg_value>\n<arg_key>s</arg_key>\n"
    "<arg_value>b c</arg_value>\n</tool_call>",
    "list": 'Let me see.[TOOL_CALLS] [{"name": "add", "arguments": {"a": 3, "s": "b c"}}]',
    "fenced": "Let me see.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>add\n```json\n"
    '{"a": 3, "s": "b c"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
    "pythonic": 'Let me see.<|tool_call_start|>[add(a=3, s="b c")]<|tool_call_end|>',
    "braced": 'Let me see.<|tool_call>call:add{a:3,s:<|"|>b c<|"|>}<tool_call|>',
}


@pytest.mark.parametrize("style", _WRITTEN)
def test_a_call_is_read_as_it_is_written(style: str) -> None:
    assert calls_in(_WRITTEN[style], style) == ("Let me see.", (_ADD,))


def test_styles_that_are_the_whole_answer() -> None:
    assert calls_in('{"name": "add", "parameters": {"a": 3, "s": "b c"}}', "bare") == ("", (_ADD,))
    harmony = '<|channel|>commentary to=functions.add <|constrain|>json<|message|>{"a": 3, "s": "b c"}<|call|>'
    read = calls_in(harmony, "harmony")
    assert read is not None
    assert read[1] == (_ADD,)
    assert set(CALLS) == {*_WRITTEN, "bare", "harmony"}


@pytest.mark.parametrize("style", CALLS)
@pytest.mark.parametrize(
    "text",
    [
        "No call at all.",
        "<tool_call>\n{broken\n</tool_call>",
        '<tool_call>{"arguments": {}}</tool_call>',
        "[TOOL_CALLS] nothing",
        '{"name": 3}',
        "<|tool_call_start|>[add(3)]<|tool_call_end|>",
        "<|tool_call_start|>[__import__('os')]<|tool_call_end|>",
        "<|tool_call>call:add{a:}<tool_call|>",
        '{"name": "add", "arguments": [1]}',
    ],
)
def test_what_is_no_call_stays_text(style: str, text: str) -> None:
    assert calls_in(text, style) is None


def _chatml() -> ChatRenderer:
    return ChatRenderer.of(tiny_tokenizer(("<|im_start|>", "<|im_end|>")), "chatml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Yes.<|im_end|>", Message("assistant", "Yes.")),
        ("### Title\n\n# Yes\nUSER: no", Message("assistant", "### Title\n\n# Yes\nUSER: no")),
        ("first line\nsecond line", Message("assistant", "first line\nsecond line")),
        ("<think>\nwhy\n</think>\n\nYes.", Message("assistant", "Yes.", reasoning="why")),
        ("<think>\n\n</think>\n\nYes.", Message("assistant", "Yes.")),
        ("<think>\nand on", Message("assistant", "", reasoning="and on")),
        ("Say <think> and </think>.", Message("assistant", "Say <think> and </think>.")),
        ("<tool_call>\n{broken}\n</tool_call>", Message("assistant", "<tool_call>\n{broken}\n</tool_call>")),
        (
            '<think>\nwhy\n</think>\n\nSo:\n<tool_call>\n{"name": "add", "arguments": {}}\n</tool_call><|im_end|>',
            Message("assistant", "So:", reasoning="why", tool_calls=(ToolCall("add", {}),)),
        ),
    ],
)
def test_an_answer_is_the_message_that_it_says(text: str, message: Message) -> None:
    assert _chatml().parsed(text) == message


def test_another_formats_call_is_text() -> None:
    text = "[TOOL_CALLS] " + json.dumps([{"name": "add", "arguments": {}}])
    assert _chatml().parsed(text) == Message("assistant", text)


def test_ids_end_at_the_first_that_ends_an_answer() -> None:
    chat = _chatml()
    end = chat.tokenizer.convert_tokens_to_ids("<|im_end|>")
    yes, no = (chat.tokenizer(word).input_ids for word in ("Yes", "No"))
    assert chat.parsed([*yes, end, *no]) == Message("assistant", "Yes")
    assert chat.parsed(yes) == Message("assistant", "Yes")
    assert chat.stop_ids == (end, chat.tokenizer.eos_token_id)


def test_a_thought_that_the_prompt_opened(tmp_path: Path) -> None:
    path = tmp_path / "thinks.jinja"
    path.write_text(
        "{% for m in messages %}<|{{ m['role'] }}|>"
        "{% if m['role'] == 'assistant' %}<think>{{ m['reasoning_content'] or '' }}</think>{% endif %}"
        "{{ m['content'] }}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|><think>{% endif %}"
    )
    chat = ChatRenderer.of(tiny_tokenizer(("<|end|>",)), str(path))
    assert chat.parsed("why</think>Yes<|end|>") == Message("assistant", "Yes", reasoning="why")
    assert chat.parsed("</think>Yes") == Message("assistant", "Yes")
    asked = Conversation((Message("user", "u"), Message("assistant", "Yes", reasoning="why")))
    rendered = chat.trained(asked)
    assert chat.parsed(rendered.ids[rendered.spans[0].start :]) == asked.messages[1]
