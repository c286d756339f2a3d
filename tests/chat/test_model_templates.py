"""The chat templates of public models, as TRL ships them: tokens as transformers makes them, and what is promised."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from runner.chat.messages import Conversation, Message, ToolCall
from runner.chat.refusals import Unrenderable
from runner.chat.renderer import ChatRenderer
from tests.chat.test_token_equality import DIALOGUES, conversation, held
from tests.chat.tiny_tokenizers import marks_of, tiny_tokenizer

_TRL = find_spec("trl")
_FOLDER = Path(_TRL.origin).parent / "chat_templates" if _TRL is not None and _TRL.origin else Path("nowhere")
_ALL = sorted(path.stem for path in _FOLDER.glob("*.jinja"))
#: Later versions of one template, and those that TRL marked for training, are alike enough to be tried seldom.
_SELDOM = re.compile(r"_v\d$|_training$|nemotron_3_(?:nano|super|ultra)|_vl$|3_5$|qwen3_[56]")
_OFTEN = {"qwen3_training", "gptoss_training", "lfm2_v2", "qwen3_5_think", "qwen3_5_nothink"}
_NAMES = [
    pytest.param(name, marks=[pytest.mark.slow] if _SELDOM.search(name) and name not in _OFTEN else [], id=name)
    for name in _ALL
]
pytestmark = pytest.mark.skipif(not _ALL, reason="trl with its chat templates is not installed")

_ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Adds.",
        "parameters": {"type": "object", "properties": {"a": {"type": "integer", "description": "one"}}},
    },
}
_PLAIN = Conversation(
    (
        Message("user", "Hello, you."),
        Message("assistant", "Hello there!"),
        Message("user", "Naïve 🙂 question\nof two lines"),
        Message("assistant", "Yes.\n\nAnd no."),
    )
)
_SYSTEM = _PLAIN.with_messages([Message("system", "Be brief."), *_PLAIN.messages])
_THOUGHT = Conversation(
    (
        Message("user", "2+2?"),
        Message("assistant", "4", reasoning="pair and pair"),
        Message("user", "plus 1?"),
        Message("assistant", "5", reasoning="four and one"),
    )
)
_TOOLS = Conversation(
    (
        Message("user", "3 plus 4?"),
        Message("assistant", "", tool_calls=(ToolCall("add", {"a": 3}, id="abcd12345"),)),
        Message("tool", "7", name="add", tool_call_id="abcd12345"),
        Message("assistant", "It is 7."),
    ),
    (_ADD,),
)
#: What their makers gave no place to, which is refused by name.
_NO_SYSTEM = {"gemma", "gemma_training"}
#: A line break or a mark that is text ends their prompts or answers, and another line break follows it.
_MERGED = {
    name
    for family in ("idefics3", "smolvlm", "qwen3_5_think", "qwen3_6", "qwen3_8")
    for name in (family, f"{family}_training")
}
_OPEN_ONLY = {"qwen3_5_nothink", "qwen3_5_nothink_training"}


@cache
def _renderer(name: str) -> ChatRenderer:
    source = (_FOLDER / f"{name}.jinja").read_text()
    return ChatRenderer.of(
        tiny_tokenizer((*marks_of(source), "<bos>"), start="<bos>", template=source), today=date.today()
    )


def _applied(chat: ChatRenderer, asked: Conversation, *, prompt: bool) -> list[int]:
    documents: list[dict[str, Any]] = [message.as_dict() for message in asked.messages]
    if chat.habits.parts:
        documents = [row | {"content": [{"type": "text", "text": row["content"]}]} for row in documents]
    return chat.tokenizer.apply_chat_template(
        documents, tools=[dict(tool) for tool in asked.tools] or None, add_generation_prompt=prompt, return_dict=False
    )


@pytest.mark.parametrize("name", _NAMES)
def test_tokens_are_those_that_transformers_makes(name: str) -> None:
    chat = _renderer(name)
    for count in (1, 3):
        asked = _PLAIN.with_messages(_PLAIN.messages[:count])
        ids, applied = chat.prompt(asked), _applied(chat, asked, prompt=True)
        # Where a prompt ends in the middle of what would be one token, it is two; the first prompt never does.
        assert ids == applied or (count > 1 and name in _MERGED)
        assert chat.tokenizer.decode(ids) == chat.tokenizer.decode(applied)
    whole = _PLAIN.with_messages(_PLAIN.messages[:2])
    learned, applied = chat.trained(whole).ids, _applied(chat, whole, prompt=False)
    text, written = chat.tokenizer.decode(learned), chat.tokenizer.decode(applied)
    if chat.habits.thinking and not chat.habits.prefix:
        # The prompt opens a thought that the template leaves out of the answer: the prompt is what is fed.
        assert text.startswith(chat.tokenizer.decode(chat.prompt(_PLAIN.with_messages(_PLAIN.messages[:1]))))
        assert text.endswith("Hello there!" + chat.habits.marker)
    elif chat.habits.marker:
        assert name in _MERGED or learned == applied[: len(learned)]
        assert written.startswith(text)
        assert not written[len(text) :].replace("</s>", "").strip()
    else:
        assert learned == [*applied, chat.tokenizer.eos_token_id]


@pytest.mark.parametrize("name", ["qwen2_5", "llama3", "gemma", "lfm2", "phi3_5"])
def test_special_tokens_in_texts_are_text_as_transformers_has_them(name: str) -> None:
    chat = _renderer(name)
    for mark in chat.habits.special_tokens:
        asked = _PLAIN.with_messages([Message("user", f"what {mark}is"), *_PLAIN.messages[1:3]])
        ids = chat.tokenizer.apply_chat_template(
            [message.as_dict() for message in asked.messages],
            add_generation_prompt=True,
            sanitize_control_tokens=True,
            return_dict=False,
        )
        assert chat.prompt(asked) == ids


@pytest.mark.parametrize("name", _NAMES)
def test_what_is_learned_is_what_is_asked(name: str) -> None:
    chat = _renderer(name)
    held_here(chat, _PLAIN)
    if name in _NO_SYSTEM:
        with pytest.raises(Unrenderable, match=r"message 1 \(system\)"):
            chat.trained_each(_SYSTEM)
    else:
        held_here(chat, _SYSTEM)
    if name in _OPEN_ONLY:
        with pytest.raises(Unrenderable, match=r"message \d \(assistant\)"):
            chat.trained_each(_THOUGHT)
    else:
        held_here(chat, _THOUGHT)
    try:
        chat.trained_each(_TOOLS)
    except Unrenderable as refused:
        assert refused.reason in ("template refuses", "left out by template")
    else:
        held_here(chat, _TOOLS)


def held_here(chat: ChatRenderer, asked: Conversation) -> None:
    """As every format; and each answer ends with what ends it, and reads back as the message that it was."""
    held(chat, asked)
    for row in chat.trained_each(asked):
        for index in row.trained_messages:
            said = asked.messages[index]
            end = max(span.end for span in row.spans if span.message == index)
            answer = row.ids[len(chat.prompt(asked.with_messages(asked.messages[:index]))) : end]
            text = chat.tokenizer.decode(answer)
            assert answer[-1] in chat.stop_ids or text.endswith(chat.stop_strings)
            read = chat.parsed(answer)
            assert (read.reasoning or None) == said.reasoning
            if not said.tool_calls and not read.content.startswith("<|turn>model"):
                assert read.content.strip() == said.content
            elif chat.habits.call_style is not None and said.tool_calls:
                assert [(call.name, call.arguments) for call in read.tool_calls] == [("add", {"a": 3})]


@pytest.mark.parametrize("name", [name for name in _NAMES if not str(name.id).endswith("_training")])
@settings(max_examples=3)
@given(dialogue=DIALOGUES)
def test_whatever_is_said_is_learned_as_it_is_asked_or_refused(name: str, dialogue: Any) -> None:
    chat = _renderer(name)
    asked = conversation(*dialogue)
    try:
        chat.trained_each(asked)
    except Unrenderable as refused:
        # A template that takes texts apart at its own marks, or leaves out what it does not know.
        assert refused.reason in ("template refuses", "left out by template", "history rewritten", "special token")
        assert refused.message
    else:
        held(chat, asked, texts=False)
