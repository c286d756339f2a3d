"""The built-in formats, letter for letter."""

from __future__ import annotations

import pytest

from runner.builders.language._fields import chat_fields
from runner.chat.formats import FORMATS
from runner.chat.messages import Conversation, Message, ToolCall
from runner.chat.refusals import Unrenderable
from runner.chat.renderer import ChatRenderer
from runner.errors import DataError
from tests.chat.tiny_tokenizers import tiny_tokenizer

_WITH_SYSTEM = Conversation(
    (
        Message("system", "SYS"),
        Message("user", "U1"),
        Message("assistant", "A1"),
        Message("user", "U2"),
        Message("assistant", "A2"),
    )
)
_WITHOUT = _WITH_SYSTEM.with_messages(_WITH_SYSTEM.messages[1:])
_ALPACA = "Below is an instruction that describes a task. Write a response that appropriately completes the request."
_VICUNA = (
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, "
    "and polite answers to the user's questions."
)
_IM = "<|im_start|>user\nU1<|im_end|>\n<|im_start|>assistant\n[A1<|im_end|>]\n<|im_start|>user\nU2<|im_end|>\n"

#: What is learned stands in brackets, which are no part of the text.
_TEXTS = {
    "chatml": (
        f"<|im_start|>system\nSYS<|im_end|>\n{_IM}<|im_start|>assistant\n[A2<|im_end|>]",
        f"{_IM}<|im_start|>assistant\n[A2<|im_end|>]",
    ),
    "alpaca": tuple(
        f"{first}\n\n### Instruction:\nU1\n\n### Response:\n[A1</s>]\n\n### Instruction:\nU2\n\n### Response:\n[A2</s>]"
        for first in ("SYS", _ALPACA)
    ),
    "llama": (
        "<s>(INST) <<SYS>>\nSYS\n<</SYS>>\n\nU1 (/INST)[ A1 </s>]<s>(INST) U2 (/INST)[ A2 </s>]",
        "<s>(INST) U1 (/INST)[ A1 </s>]<s>(INST) U2 (/INST)[ A2 </s>]",
    ),
    "vicuna": tuple(f"{first} USER: U1 ASSISTANT:[ A1</s>]USER: U2 ASSISTANT:[ A2</s>]" for first in ("SYS", _VICUNA)),
    "zephyr": tuple(
        f"{first}<|user|>\nU1</s>\n<|assistant|>\n[A1</s>]\n<|user|>\nU2</s>\n<|assistant|>\n[A2</s>]"
        for first in ("<|system|>\nSYS</s>\n", "")
    ),
    "mistral": (
        "(INST) SYS\n\nU1 (/INST)[ A1</s>](INST) U2 (/INST)[ A2</s>]",
        "(INST) U1 (/INST)[ A1</s>](INST) U2 (/INST)[ A2</s>]",
    ),
}


def _renderer(name: str) -> ChatRenderer:
    special = ("<|im_start|>", "<|im_end|>", "<|system|>", "<|user|>", "<|assistant|>")
    return ChatRenderer.of(tiny_tokenizer(special, start="<s>", starts=True), name)


def _bracketed(chat: ChatRenderer, asked: Conversation) -> str:
    rendered = chat.trained(asked)
    pieces, learned = [], False
    for token, weight in zip(rendered.ids, rendered.weights, strict=True):
        if learned != (weight > 0):
            pieces.append("[" if weight > 0 else "]")
            learned = weight > 0
        pieces.append(chat.tokenizer.decode([token]).replace("[INST]", "(INST)").replace("[/INST]", "(/INST)"))
    return "".join(pieces).replace("[INST]", "(INST)").replace("[/INST]", "(/INST)") + "]" * learned


@pytest.mark.parametrize("name", _TEXTS)
def test_what_a_format_writes_and_what_of_it_is_learned(name: str) -> None:
    chat = _renderer(name)
    for asked, text in zip((_WITH_SYSTEM, _WITHOUT), _TEXTS[name], strict=True):
        # The tokenizer wants a beginning of text, and gets one: Llama 2 has one for each exchange.
        assert _bracketed(chat, asked) == (text if name == "llama" else "<s>" + text)


def test_a_tokenizer_that_wants_no_beginning_of_text_gets_none() -> None:
    for name in FORMATS:
        tokenizer = tiny_tokenizer(("<|im_start|>", "<|im_end|>"), start="<s>")
        assert tokenizer.bos_token_id not in ChatRenderer.of(tokenizer, name).trained(_WITH_SYSTEM).ids


def test_every_format_of_a_spec_is_one_that_is_written() -> None:
    assert tuple(FORMATS) == chat_fields.FORMATS == tuple(_TEXTS)


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "chatml"])
def test_a_format_refuses_the_turn_that_it_has_no_place_for(name: str) -> None:
    chat = _renderer(name)
    call = Message("assistant", "", tool_calls=(ToolCall("add", {"a": 1}),))
    with pytest.raises(Unrenderable, match=r"message 2 \(assistant\)"):
        chat.trained(Conversation((Message("user", "U1"), call)))
    with pytest.raises(Unrenderable, match=r"message 3 \(tool\)"):
        chat.trained(_WITHOUT.with_messages([*_WITHOUT.messages[:2], Message("tool", "3"), _WITHOUT.messages[1]]))


@pytest.mark.parametrize("name", ["alpaca", "llama", "vicuna", "mistral"])
def test_a_format_of_exchanges_refuses_two_turns_of_one_side(name: str) -> None:
    twice = _WITHOUT.with_messages([_WITHOUT.messages[0], *_WITHOUT.messages])
    with pytest.raises(Unrenderable, match=r"message 2 \(user.*turns must alternate"):
        _renderer(name).trained(twice)


def test_tools_and_their_calls_in_chatml() -> None:
    tool = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
    asked = Conversation(
        (
            Message("system", "SYS"),
            Message("user", "1+2?"),
            Message("assistant", "I add.", tool_calls=(ToolCall("add", {"a": 1, "b": "ü"}),)),
            Message("tool", "3"),
            Message("tool", "three"),
            Message("assistant", "3"),
        ),
        (tool,),
    )
    chat = _renderer("chatml")
    text = chat.tokenizer.decode(chat.trained(asked).ids)
    assert '<tools>\n{"type": "function", "function": {"name": "add"' in text
    assert text.startswith("<s><|im_start|>system\nSYS\n\n# Tools")
    assert text.endswith(
        "<|im_start|>user\n1+2?<|im_end|>\n<|im_start|>assistant\nI add.\n<tool_call>\n"
        '{"name": "add", "arguments": {"a": 1, "b": "ü"}}\n</tool_call><|im_end|>\n'
        "<|im_start|>user\n<tool_response>\n3\n</tool_response>\n<tool_response>\nthree\n</tool_response><|im_end|>\n"
        "<|im_start|>assistant\n3<|im_end|>"
    )


def test_marks_that_the_tokenizer_lacks_are_text_and_said_so() -> None:
    chat = ChatRenderer.of(tiny_tokenizer(()), "chatml")
    assert any("<|im_start|> <|im_end|>" in warning for warning in chat.warnings)
    assert chat.stop_strings == ("<|im_end|>",)
    rendered = chat.trained(_WITHOUT)
    assert [chat.parsed(rendered.ids[span.start : span.end]).content for span in rendered.spans] == ["A1", "A2"]
    assert _renderer("chatml").warnings == ()


def test_a_format_that_ends_with_the_end_of_text_needs_one() -> None:
    with pytest.raises(DataError, match="alpaca ends every answer") as refused:
        ChatRenderer.of(tiny_tokenizer((), end=None), "alpaca")
    assert refused.value.where == "/model/spec/chat/template"
