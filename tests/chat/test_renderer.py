"""What is learned of a conversation, what a model is fed, and what is kept of how."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from runner.builders.language._fields.chat_fields import RoleWeights
from runner.chat.messages import Conversation, Message, ToolCall
from runner.chat.refusals import Unrenderable
from runner.chat.rendered import Rendered, cut
from runner.chat.renderer import ChatRenderer
from runner.errors import DataError
from tests.chat.tiny_tokenizers import tiny_tokenizer

_CHAT = Conversation(
    (
        Message("system", "Be brief."),
        Message("user", "Hello there!"),
        Message("assistant", "Yes?"),
        Message("user", "What is it?"),
        Message("assistant", "It is Paris."),
        Message("user", "no answer"),
    )
)
_PLAIN = """\
{%- for m in messages -%}
{%- if m['role'] == 'system' and not loop.first -%}{{ raise_exception('a system turn must come first') }}{%- endif -%}
<|{{ m['role'] }}|>
{{ m['content'] }}<|end|>
{% endfor -%}
{%- if add_generation_prompt -%}<|assistant|>
{% endif -%}
"""
#: Reasoning is in the last answer alone, as Qwen 3 has it.
_FORGETS = """\
{%- for m in messages -%}
<|{{ m['role'] }}|>
{%- if loop.last and m['reasoning_content'] -%}<think>{{ m['reasoning_content'] }}</think>{%- endif -%}
{{- m['content'] }}<|end|>
{%- endfor -%}
{%- if add_generation_prompt -%}<|assistant|>{%- endif -%}
"""
_MARKED = _PLAIN.replace("{{ m['content'] }}", "{% generation %}{{ m['content'] }}{% endgeneration %}")
_SPECIAL = ("<|im_start|>", "<|im_end|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")


@cache
def _chat(template: str | None = None, name: str = "tokenizer") -> ChatRenderer:
    return ChatRenderer.of(tiny_tokenizer(_SPECIAL, start="<s>", template=template), name)


def _learned(chat: ChatRenderer, rendered: Rendered) -> list[tuple[str, float]]:
    return [(chat.tokenizer.decode(rendered.ids[span.start : span.end]), span.weight) for span in rendered.spans]


@pytest.mark.parametrize("template", [_PLAIN, _MARKED], ids=["without marks", "with marks"])
def test_an_answer_is_learned_with_its_end_and_nothing_else_is(template: str) -> None:
    chat = _chat(template)
    rendered = chat.trained(_CHAT)
    learned = [
        chat.tokenizer.decode([token])
        for token, weight in zip(rendered.ids, rendered.weights, strict=True)
        if weight > 0
    ]
    assert "".join(learned) == "Yes?<|end|>It is Paris.<|end|>"
    # The row ends where nothing more is learned: the question without an answer is not in it.
    assert rendered.weights[-1] == 1.0
    assert rendered.trained_messages == (2, 4)
    assert rendered.trained_tokens == len(learned)


@pytest.mark.parametrize(
    ("loss_on", "expected"),
    [
        ("last_assistant", [("It is Paris.<|end|>", 1.0)]),
        (
            RoleWeights(assistant=1, user=0.25, system=0, tool=0),
            [
                ("Hello there!", 0.25),
                ("Yes?<|end|>", 1.0),
                ("What is it?", 0.25),
                ("It is Paris.<|end|>", 1.0),
                ("no answer", 0.25),
            ],
        ),
        (RoleWeights(assistant=0, user=0, system=2, tool=0), [("Be brief.", 2.0)]),
    ],
)
def test_what_loss_on_says_is_learned(loss_on: object, expected: list[tuple[str, float]]) -> None:
    chat = _chat(_PLAIN)
    assert _learned(chat, chat.trained(_CHAT, loss_on)) == expected  # type: ignore[arg-type]


def test_all_is_every_token_but_what_a_message_takes_out() -> None:
    chat = _chat(_PLAIN)
    rendered = chat.trained(_CHAT, "all")
    assert set(rendered.weights) == {1.0}
    assert chat.tokenizer.decode(rendered.ids).endswith("no answer<|end|>\n")
    less = _CHAT.with_messages([_CHAT.messages[0], replace(_CHAT.messages[1], weight=0.0), *_CHAT.messages[2:]])
    rendered = chat.trained(less, "all")
    silent = [token for token, weight in zip(rendered.ids, rendered.weights, strict=True) if not weight]
    assert chat.tokenizer.decode(silent) == "Hello there!"


def test_a_messages_own_weight_goes_first() -> None:
    chat = _chat(_PLAIN)
    messages = list(_CHAT.messages)
    messages[1], messages[2] = replace(messages[1], weight=0.5), replace(messages[2], weight=0.0)
    rendered = chat.trained(_CHAT.with_messages(messages))
    assert _learned(chat, rendered) == [("Hello there!", 0.5), ("It is Paris.<|end|>", 1.0)]
    # An answer that is not learned is there all the same, to be read.
    assert "Yes?" in chat.tokenizer.decode(rendered.ids)


def test_nothing_to_learn_is_a_row_without_a_trained_token() -> None:
    chat = _chat(_PLAIN)
    rendered = chat.trained(Conversation((Message("user", "Hello"),)))
    assert rendered.trained_tokens == 0
    assert rendered.spans == ()
    with pytest.raises(Unrenderable, match="no messages"):
        chat.trained(Conversation(()))


def test_a_turn_that_is_rewritten_later_is_learned_as_it_is_answered() -> None:
    chat = _chat(_FORGETS)
    thought = Conversation(
        (
            Message("user", "2+2"),
            Message("assistant", "4", reasoning="pair and pair"),
            Message("user", "plus 1"),
            Message("assistant", "5", reasoning="four and one"),
        )
    )
    with pytest.raises(Unrenderable, match=r"message 2 \(assistant\)") as refused:
        chat.trained(thought)
    assert refused.value.reason == "history rewritten"
    assert [chat.tokenizer.decode(row.ids) for row in chat.trained_each(thought)] == [
        "<|user|>2+2<|end|><|assistant|><think>pair and pair</think>4<|end|>",
        "<|user|>2+2<|end|><|assistant|>4<|end|><|user|>plus 1<|end|><|assistant|><think>four and one</think>5<|end|>",
    ]
    # Each is learned once: the answers of the history are only read.
    assert [row.trained_messages for row in chat.trained_each(thought)] == [(1,), (3,)]
    assert chat.trained(thought, "last_assistant") == chat.trained_each(thought)[1]
    assert len(chat.trained_each(_CHAT)) == 1


def test_reasoning_that_a_template_does_not_read_is_written_into_the_answer() -> None:
    chat = _chat(name="chatml")
    asked = Conversation((Message("user", "2+2"), Message("assistant", "4", reasoning="pair and pair")))
    rendered = chat.trained(asked)
    assert _learned(chat, rendered) == [("<think>\npair and pair\n</think>\n\n4<|im_end|>", 1.0)]
    read = chat.parsed(rendered.ids[rendered.spans[0].start :])
    assert (read.reasoning, read.content) == ("pair and pair", "4")


def test_an_answer_that_was_begun_is_continued() -> None:
    chat = _chat(_PLAIN)
    begun = _CHAT.with_messages([*_CHAT.messages[:2], Message("assistant", "Ye")])
    assert chat.tokenizer.decode(chat.prompt(begun)).endswith("<|assistant|>\nYe")
    nothing = _CHAT.with_messages([*_CHAT.messages[:2], Message("assistant", "")])
    assert chat.prompt(nothing) == chat.prompt(_CHAT.with_messages(_CHAT.messages[:2]))
    call = Message("assistant", "", tool_calls=(ToolCall("add", {}),))
    with pytest.raises(Unrenderable, match="cannot be continued"):
        _chat(name="chatml").prompt(_CHAT.with_messages([*_CHAT.messages[:2], call]))


def test_a_prompt_stops_before_what_would_be_merged_over_its_end() -> None:
    """A word that ends in the answer is one token in a text, and two when it is asked for."""
    turns = "{% for m in messages %}{{ 'assist' if m['role'] == 'assistant' }}{{ m['content'] }}<|end|>{% endfor %}"
    chat = _chat(turns + "{{ 'assist' if add_generation_prompt }}")
    asked = Conversation((Message("user", "Hello"), Message("assistant", "ant"), Message("user", "what")))
    prompt = chat.prompt(asked.with_messages(asked.messages[:1]))
    text = "Hello<|end|>assistant<|end|>"
    assert chat.tokenizer(text, add_special_tokens=False).input_ids[: len(prompt)] != prompt
    rendered = chat.trained(asked)
    assert rendered.ids[: len(prompt)] == prompt
    assert chat.tokenizer.decode(rendered.ids) == text
    # So it is in the history of a later prompt.
    assert chat.prompt(asked)[: len(rendered.ids)] == rendered.ids


def test_special_tokens_in_a_text_are_text() -> None:
    chat = _chat(name="chatml")
    end = chat.tokenizer.convert_tokens_to_ids("<|im_end|>")
    asked = Conversation((Message("user", "say <|im_end|>"), Message("assistant", "<|im_end|> it is: <|im_end|> here")))
    rendered = chat.trained(asked)
    assert rendered.ids.count(end) == 2
    assert chat.tokenizer.decode(rendered.ids).count("<|im_end|>") == 5
    assert chat.parsed(rendered.ids[rendered.spans[0].start :]).content == asked.messages[1].content


def test_what_the_template_writes_itself_is_taken_off_and_said() -> None:
    chat = ChatRenderer.of(tiny_tokenizer(_SPECIAL, start="<s>", starts=True), "vicuna")
    clean = Conversation((Message("system", "Hello"), Message("user", "what"), Message("assistant", "it")))
    marked = Conversation((Message("system", "<s>Hello"), Message("user", "what"), Message("assistant", "it</s>\n")))
    assert chat.trained(marked).ids == chat.trained(clean).ids
    assert chat.trained(clean).notes == ()
    assert "taken off" in chat.trained(marked).notes[0]
    ids = chat.trained(clean).ids
    assert (ids.count(chat.tokenizer.bos_token_id), ids.count(chat.tokenizer.eos_token_id)) == (1, 1)


def test_a_template_without_an_end_of_turn_gets_the_end_of_text() -> None:
    chat = _chat("{% for m in messages %}{{ '\n' + m['role'] + ': ' + m['content'] }}{% endfor %}"
                 "{{ '\nassistant:' if add_generation_prompt }}")  # fmt: skip
    assert any("no end of turn" in warning for warning in chat.warnings)
    rows = chat.trained_each(_CHAT)
    assert [chat.tokenizer.decode(row.ids).rpartition("\n")[2] for row in rows] == [
        "assistant: Yes?</s>",
        "assistant: It is Paris.</s>",
    ]
    assert all(row.ids[-1] == chat.tokenizer.eos_token_id and row.weights[-1] == 1.0 for row in rows)
    assert [row.trained_messages for row in rows] == [(2,), (4,)]


def test_an_end_of_turn_that_is_no_token_is_said_to_be_text() -> None:
    chat = ChatRenderer.of(tiny_tokenizer((), template=_PLAIN))
    assert chat.stop_strings == ("<|end|>",)
    assert any("has no token for <|end|>" in warning for warning in chat.warnings)
    said = Conversation((Message("user", "what <|end|>"), Message("assistant", "it <|end|> is")))
    with pytest.raises(Unrenderable, match=r"message 2 \(assistant\): the answer says '<\|end\|>'"):
        chat.trained(said)


def test_what_the_template_refuses_names_the_message() -> None:
    chat = _chat(_PLAIN)
    twice = _CHAT.with_messages([*_CHAT.messages[:3], Message("system", "Now shout."), *_CHAT.messages[3:]])
    with pytest.raises(Unrenderable, match=r"message 4 \(system\).*a system turn must come first") as refused:
        chat.trained(twice)
    assert refused.value.reason == "template refuses"
    with pytest.raises(Unrenderable, match="message 4"):
        chat.prompt(twice)


@pytest.mark.parametrize(
    "fall",
    [
        "{{ 1 // (messages | length - messages | length) }}",
        "{{ 10.0 ** 1000 }}",
        "{% for i in range(10 ** 7) %}{% endfor %}",
        "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}",
    ],
    ids=["divides by nothing", "a number too large", "a range too long", "calls itself"],
)
def test_a_template_that_falls_over_every_conversation_is_refused(fall: str) -> None:
    with pytest.raises(DataError, match="refuses the conversation") as refused:
        _chat(fall + _PLAIN)
    assert refused.value.where == "/model/spec/chat/template"


def test_a_template_that_falls_over_a_row_refuses_it() -> None:
    chat = _chat("{% if messages | length > 4 %}{{ 1 // 0 }}{% endif %}" + _PLAIN)
    chat.trained(_CHAT.with_messages(_CHAT.messages[1:3]))
    with pytest.raises(Unrenderable, match="refuses the conversation") as refused:
        chat.trained(_CHAT)
    assert refused.value.reason == "template refuses"


def test_nothing_is_left_out_silently() -> None:
    no_system = (
        "{% for m in messages if m['role'] != 'system' %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
    )
    chat = _chat(no_system + "{% if add_generation_prompt %}<|assistant|>{% endif %}")
    with pytest.raises(Unrenderable, match=r"message 1 \(system\).*leaves out its content"):
        chat.trained(_CHAT)
    chat.trained(_CHAT.with_messages(_CHAT.messages[1:]))
    tools = Conversation(_CHAT.messages[1:3], ({"type": "function", "function": {"name": "user"}},))
    for ask in (chat.trained, chat.prompt):
        with pytest.raises(Unrenderable, match="does not tell the model of the conversation's tools"):
            ask(tools)
    call = Message("assistant", "Yes?", tool_calls=(ToolCall("add", {}),))
    with pytest.raises(Unrenderable, match=r"message 2 \(assistant\).*leaves out its call"):
        chat.trained(Conversation((_CHAT.messages[1], call)))


def test_a_tokenizer_without_a_template_is_told_which_there_are() -> None:
    with pytest.raises(DataError, match="has no chat template") as refused:
        ChatRenderer.of(tiny_tokenizer(_SPECIAL))
    assert refused.value.where == "/model/spec/chat/template"
    assert "chatml, alpaca, llama, vicuna, zephyr, mistral" in (refused.value.hint or "")


def test_a_file_is_a_template(tmp_path: Path) -> None:
    path = tmp_path / "mine.jinja"
    path.write_text(_PLAIN)
    tokenizer = tiny_tokenizer(_SPECIAL, start="<s>", starts=True)
    chat = ChatRenderer.of(tokenizer, str(path))
    # It says nothing of a beginning of text, which the tokenizer wants.
    assert chat.trained(_CHAT).ids == [tokenizer.bos_token_id, *_chat(_PLAIN).trained(_CHAT).ids]
    path.write_text("{% for m in messages %}")
    with pytest.raises(DataError, match=r"line 1 of the chat template .*mine.jinja"):
        ChatRenderer.of(tokenizer, str(path))
    with pytest.raises(DataError, match="cannot be read"):
        ChatRenderer.of(tokenizer, str(tmp_path / "none.jinja"))
    with pytest.raises(DataError, match="'llama4' is no chat template"):
        ChatRenderer.of(tokenizer, "llama4")


def test_a_stored_model_is_asked_as_it_was_trained() -> None:
    source = "{{ strftime_now('%d %b %Y') }} {{ strftime_now(\"%Y\") }}" + _PLAIN
    tokenizer = tiny_tokenizer(_SPECIAL, template=source)
    trained = ChatRenderer.of(tokenizer, today=date(2020, 2, 3))
    text = trained.tokenizer.decode(trained.prompt(_CHAT))
    assert text.startswith("03 Feb 2020 2020<|system|>")
    assert any("asks what day it is: it is told 2020-02-03" in warning for warning in trained.warnings)
    # On every day the same, where none is named.
    assert "26 Jul 2024 2024" in tokenizer.decode(ChatRenderer.of(tokenizer).prompt(_CHAT))
    stored = ChatRenderer.from_document(tokenizer, trained.as_document())
    assert stored.prompt(_CHAT) == trained.prompt(_CHAT)
    assert stored.as_document() == trained.as_document()


def test_a_cut_row_keeps_its_beginning() -> None:
    chat = _chat(_PLAIN)
    whole = chat.trained(_CHAT)
    first, second = whole.spans
    assert cut(whole, len(whole.ids)) is whole
    short = cut(whole, second.start + 1)
    assert short.ids == whole.ids[: second.start + 1]
    assert [(span.start, span.end) for span in short.spans] == [
        (first.start, first.end),
        (second.start, second.start + 1),
    ]
    assert cut(whole, first.start).trained_tokens == 0
    assert cut(whole, first.start).spans == ()
