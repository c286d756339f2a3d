"""What a model is fed for a turn is the beginning of the row that the turn is learned from, token for token."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.chat.formats import FORMATS
from runner.chat.messages import Conversation, Message
from runner.chat.refusals import Unrenderable
from runner.chat.renderer import ChatRenderer
from tests.chat.tiny_tokenizers import tiny_tokenizer

_LETTERS = ("a", "Yes", " ", "\n", "\n\n", ":", ".", "é", "e\u0301", "🙂", "中文", "\u2028", "\t", "0", "12345", "\\n")
_MARKS = ("<|im_end|>", "<|im_start|>", "</s>", "<s>", "[INST]", "[/INST]", "### Response:", "USER:", "<|user|>")
_OTHERS = ("\U000f0000", "user", "assistant", "<think>", "</think>", "{{ x }}", "{% endfor %}", "<0x0A>", "▁", '"')
_PIECES = st.sampled_from([*_LETTERS, *_MARKS, *_OTHERS])
_TEXTS = st.lists(_PIECES, max_size=6).map("".join)
DIALOGUES = st.tuples(st.one_of(st.none(), _TEXTS), st.lists(st.tuples(_TEXTS, _TEXTS), min_size=1, max_size=3))


@cache
def renderer(name: str, kind: str) -> ChatRenderer:
    special = ("<|im_start|>", "<|im_end|>", "<|user|>") if kind != "bare" else ()
    starts = kind == "blanks"
    tokenizer = tiny_tokenizer(special, start="<s>" if starts else None, starts=starts, blanks=starts)
    return ChatRenderer.of(tokenizer, name)


def conversation(system: str | None, exchanges: list[tuple[str, str]]) -> Conversation:
    messages = [] if system is None else [Message("system", system)]
    for question, answer in exchanges:
        messages += [Message("user", question), Message("assistant", answer)]
    return Conversation(tuple(messages))


def held(chat: ChatRenderer, asked: Conversation, *, texts: bool = True) -> None:
    """Every answer of every row follows the prompt that it is asked with, and all that is learned is of an answer."""
    rows = chat.trained_each(asked)
    learned = [span.message for row in rows for span in row.spans]
    assert sorted(set(learned)) == [i for i, message in enumerate(asked.messages) if message.role == "assistant"]
    for row in rows:
        assert len(row.ids) == len(row.weights)
        text = chat.tokenizer.decode(row.ids, clean_up_tokenization_spaces=False)
        last = row.spans[-1].message
        # SentencePiece writes a blank as this letter, and reads it as one.
        contents = [message.content.replace("▁", " ") for message in asked.messages[: last + 1]]
        assert not texts or row.notes or all(said in text.replace("▁", " ") for said in contents)
        for span in row.spans:
            prompt = chat.prompt(asked.with_messages(asked.messages[: span.message]))
            assert row.ids[: len(prompt)] == prompt
            # A template may mark less of an answer as an assistant's.
            assert len(prompt) == span.start or ("generation" in chat.template.source and len(prompt) < span.start)
            assert set(row.weights[span.start : span.end]) == {1.0}
        assert sum(row.weights) == sum(span.end - span.start for span in row.spans)


@pytest.mark.parametrize("kind", ["bytes", "bare", "blanks"])
@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=25)
@given(dialogue=DIALOGUES)
@pytest.mark.slow
@pytest.mark.warm
def test_a_prompt_is_the_beginning_of_what_was_learned(name: str, kind: str, dialogue: Any) -> None:
    chat = renderer(name, kind)
    asked = conversation(*dialogue)
    try:
        chat.trained_each(asked)
    except Unrenderable as refused:
        # A text that spells the end of turn where the end of turn is text.
        assert refused.reason == "special token"
        assert chat.stop_strings
        return
    held(chat, asked)
    for row in chat.trained_each(asked):
        for span in row.spans:
            answer = row.ids[span.start : span.end]
            said = asked.messages[span.message].content
            if "<think>" not in said and kind != "blanks" and not row.notes:
                assert chat.parsed(answer).content == said


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=10)
@given(dialogue=DIALOGUES)
def test_texts_spell_special_tokens_and_are_not(name: str, dialogue: Any) -> None:
    """As many special tokens as the same conversation of plain texts has."""
    chat = renderer(name, "bytes")
    system, exchanges = dialogue
    plain = conversation(None if system is None else "x", [("x", "x") for _ in exchanges])
    special = set(chat.tokenizer.all_special_ids)

    def count(asked: Conversation) -> int:
        return sum(token in special for row in chat.trained_each(asked) for token in row.ids)

    assert count(conversation(system, exchanges)) == count(plain)
