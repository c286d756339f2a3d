"""What a template is seen to do with a short conversation: how it ends an answer, and what it reads of a message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from json import dumps
from typing import Any

from runner.chat.messages import ToolCall
from runner.chat.parsing import CALLS, calls_in
from runner.chat.refusals import Unrenderable
from runner.chat.template_rendering import Template

_QUESTION = "ProbeQuestion"
_ANSWER = "ProbeAnswer"
_THOUGHT = "ProbeThought"
_TOOL_NAME = "probe_tool"
_TOOL = {
    "type": "function",
    "function": {
        "name": _TOOL_NAME,
        "description": "A probe.",
        "parameters": {"type": "object", "properties": {"probe": {"type": "integer", "description": "A probe."}}},
    },
}
_CALL = ToolCall("probe_call", {"probe": 1}, id="probe0001")


@dataclass(frozen=True, slots=True)
class CallForm:
    """How a template wants a message that calls tools, beside what is usual."""

    #: No content is null, not an empty text.
    null_content: bool = False
    #: The arguments are JSON text, not an object.
    arguments_as_text: bool = False

    def of(self, document: dict[str, Any]) -> dict[str, Any]:
        """The message so."""
        if not document.get("tool_calls"):
            return document
        calls = document["tool_calls"]
        if self.arguments_as_text:
            calls = [
                call | {"function": call["function"] | {"arguments": dumps(call["function"]["arguments"])}}
                for call in calls
            ]
        content = None if self.null_content and not document["content"] else document["content"]
        return document | {"content": content, "tool_calls": calls}


_FORMS = [CallForm(null, text) for text in (False, True) for null in (False, True)]


@dataclass(frozen=True)
class Habits:
    """What was seen of one template, with one tokenizer's special tokens."""

    special_tokens: tuple[str, ...]
    #: The template takes a content for a list of typed parts.
    parts: bool
    #: The template writes ``reasoning_content``. Where it does not, reasoning is written into the content.
    reads_reasoning: bool
    #: What follows an answer's text, and how much of it is the end of turn that a model writes.
    suffix: str
    marker: str
    #: The template describes the tools that it is given.
    writes_tools: bool
    #: How a message that calls tools is given to it; None where it writes no calls.
    call_form: CallForm | None
    #: The special token that ends an answer with a call of a tool; None where the template writes none.
    call_end: str | None
    #: How calls are written, a name of ``parsing.CALLS``; None where none is, or none that can be read back.
    call_style: str | None
    #: What stands between a prompt and an answer's first letter.
    prefix: str
    #: The prompt of an answer has its beginning, as ``add_generation_prompt`` asks for.
    begins_answers: bool
    #: The prompt ends with an open ``<think>``.
    thinking: bool
    #: What stands before reasoning and after it.
    thought: tuple[str, str]

    @property
    def end_token(self) -> str | None:
        """The special token that the end of turn ends with; None where it is text."""
        return next((token for token in self.special_tokens if self.marker.endswith(token)), None)

    @property
    def ends(self) -> tuple[str, ...]:
        """The special tokens that end an answer in the template's text."""
        return tuple(token for token in (self.end_token, self.call_end) if token is not None)

    def ending(self, text: str, start: int) -> tuple[int, int]:
        """Where the end of turn begins and ends, of an answer that begins at ``start`` and is the last of ``text``.

        Both are the same where the template writes no end of turn.
        """
        if self.suffix and text.endswith(self.suffix) and len(text) - len(self.suffix) >= start:
            begin = len(text) - len(self.suffix)
            return begin, begin + len(self.marker)
        end = max(start, len(text.rstrip())) if self.suffix else len(text)
        for token in self.ends:
            if text.endswith(token, start, end):
                return end - len(token), end
        return end, end


def look(template: Template, special_tokens: Sequence[str]) -> Habits:
    """Try a template out."""

    def tried(*messages: dict[str, Any], tools: Sequence[dict[str, Any]] = ()) -> str:
        try:
            return template.write(messages, tools, prompt=False).text
        except Unrenderable:
            return ""

    # A tokenizer with a template for tools is asked for calls with tools.
    given = [_TOOL] if template.tool_use is not None else []

    ask: dict[str, Any] = {"role": "user", "content": _QUESTION}
    answer: dict[str, Any] = {"role": "assistant", "content": _ANSWER}
    parts = _ANSWER not in tried(ask, answer) and _ANSWER in tried(in_parts(ask), in_parts(answer))
    ask, answer = (in_parts(message) if parts else message for message in (ask, answer))
    text = template.write([ask, answer], (), prompt=False).text
    _, found, suffix = text.rpartition(_ANSWER)
    if not found:
        raise Unrenderable("left out by template", f"the chat template ({template.name}) writes no answer at all")
    longest_first = sorted(special_tokens, key=len, reverse=True)
    prompt = template.write([ask], (), prompt=True).text
    thoughtful = tried(ask, answer | {"reasoning_content": _THOUGHT})
    call_form, called = None, ""
    for form in _FORMS:
        document = form.of(answer | {"content": "", "tool_calls": [_CALL.as_dict()]})
        called = tried(ask, in_parts(document) if parts else document, tools=given).rstrip()
        # A template that prints an object as Python does was not made for objects.
        if _CALL.name in called and "{'probe'" not in called:
            call_form = form
            break
    twice = form.of(answer | {"content": "", "tool_calls": [_CALL.as_dict(), _CALL.as_dict()]})
    call_end = _call_end(called, tried(ask, twice, tools=given), longest_first) if call_form else None
    return Habits(
        special_tokens=tuple(longest_first),
        parts=parts,
        reads_reasoning=_THOUGHT in thoughtful,
        suffix=suffix,
        marker=_marker(suffix, longest_first),
        writes_tools=_TOOL_NAME in tried(ask, answer, tools=[_TOOL]),
        call_form=call_form,
        call_end=call_end,
        call_style=_call_style(called.removeprefix(prompt).removesuffix(call_end or "")) if call_form else None,
        prefix=text[len(prompt) : -len(_ANSWER + suffix)] if text.startswith(prompt) else "",
        begins_answers=prompt != tried(ask),
        thinking=prompt.rstrip().endswith("<think>"),
        thought=_thought_marks(thoughtful, prompt),
    )


def in_parts(message: dict[str, Any]) -> dict[str, Any]:
    """A message whose content is a list of one part."""
    return message | {"content": [{"type": "text", "text": message["content"] or ""}]}


def _thought_marks(text: str, prompt: str) -> tuple[str, str]:
    """What the template wrote around the reasoning; what is written for one that reads none."""
    before, found, after = text.removeprefix(prompt).partition(_THOUGHT)
    closing = after.partition(_ANSWER)[0].strip()
    if not found or not closing:
        return "<think>", "</think>"
    return before.strip() if text.startswith(prompt) else "", closing


def _call_end(called: str, twice: str, special_tokens: Sequence[str]) -> str | None:
    """The special token after all calls of an answer: one that comes with every call is none."""
    token = next((token for token in special_tokens if called.endswith(token)), None)
    return token if token is not None and twice.count(token) <= called.count(token) else None


def _call_style(text: str) -> str | None:
    """The style that reads what the template wrote."""
    for style in CALLS:
        read = calls_in(text, style)
        if read is not None and [(call.name, call.arguments) for call in read[1]] == [(_CALL.name, _CALL.arguments)]:
            return style
    return None


def _marker(suffix: str, special_tokens: Sequence[str]) -> str:
    """The end of turn: special tokens that follow one another, after a blank perhaps; else all but the line break."""
    end = len(suffix) - len(suffix.lstrip())
    begin = end
    while token := next((token for token in special_tokens if suffix.startswith(token, end)), None):
        end += len(token)
    return suffix[:end] if end > begin else suffix.rstrip()
