"""What a template is seen to do with a short conversation: how it ends an answer, and what it reads of a message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runner.chat.parsing import CALLS, calls_in
from runner.chat.refusals import Unrenderable
from runner.chat.templates import Template

_QUESTION = "ProbeQuestion"
_ANSWER = "ProbeAnswer"
_THOUGHT = "ProbeThought"
_CALL = {"type": "function", "function": {"name": "probe_call", "arguments": {"probe": 1}}}


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
    #: The special token that ends an answer with a call of a tool; None where the template writes none.
    call_end: str | None
    #: How calls are written, a name of ``parsing.CALLS``; None where none is, or none that can be read back.
    call_style: str | None
    #: What stands between a prompt and an answer's first letter.
    prefix: str
    #: The prompt ends with an open ``<think>``.
    thinking: bool

    def ending(self, text: str, start: int) -> tuple[int, int]:
        """Where the end of turn begins and ends, of an answer that begins at ``start`` and is the last of ``text``.

        Both are the same where the template writes no end of turn.
        """
        if self.suffix and text.endswith(self.suffix) and len(text) - len(self.suffix) >= start:
            begin = len(text) - len(self.suffix)
            return begin, begin + len(self.marker)
        end = max(start, len(text.rstrip())) if self.suffix else len(text)
        for token in self.special_tokens:
            if text.endswith(token, start, end):
                return end - len(token), end
        return end, end


def look(template: Template, special_tokens: Sequence[str]) -> Habits:
    """Try a template out."""

    def write(*messages: dict[str, Any]) -> str:
        return template.write(messages, (), prompt=False).text

    def tried(*messages: dict[str, Any]) -> str:
        try:
            return write(*messages)
        except Unrenderable:
            return ""

    ask: dict[str, Any] = {"role": "user", "content": _QUESTION}
    answer: dict[str, Any] = {"role": "assistant", "content": _ANSWER}
    parts = _ANSWER not in tried(ask, answer) and _ANSWER in tried(in_parts(ask), in_parts(answer))
    ask, answer = (in_parts(message) if parts else message for message in (ask, answer))
    text = write(ask, answer)
    _, found, suffix = text.rpartition(_ANSWER)
    if not found:
        raise Unrenderable("left out by template", f"the chat template ({template.name}) writes no answer at all")
    longest_first = sorted(special_tokens, key=len, reverse=True)
    prompt = template.write([ask], (), prompt=True).text
    called = tried(ask, answer | {"tool_calls": [_CALL]}).rstrip()
    return Habits(
        special_tokens=tuple(longest_first),
        parts=parts,
        reads_reasoning=_THOUGHT in tried(ask, answer | {"reasoning_content": _THOUGHT}),
        suffix=suffix,
        marker=_marker(suffix, longest_first),
        call_end=next((token for token in longest_first if "probe_call" in called and called.endswith(token)), None),
        call_style=_call_style(called.removeprefix(prompt), longest_first),
        prefix=text[len(prompt) : -len(_ANSWER + suffix)] if text.startswith(prompt) else "",
        thinking=prompt.rstrip().endswith("<think>"),
    )


def in_parts(message: dict[str, Any]) -> dict[str, Any]:
    """A message whose content is a list of one part."""
    return message | {"content": [{"type": "text", "text": message["content"]}]}


def _call_style(text: str, special_tokens: Sequence[str]) -> str | None:
    """The style that reads what the template wrote."""
    for token in special_tokens:
        text = text.removesuffix(token)
    for style in CALLS:
        read = calls_in(text, style)
        if read is not None and [call.as_dict() for call in read[1]] == [_CALL]:
            return style
    return None


def _marker(suffix: str, special_tokens: Sequence[str]) -> str:
    """The end of turn: special tokens that follow one another, after a blank perhaps; else all but the line break."""
    end = len(suffix) - len(suffix.lstrip())
    begin = end
    while token := next((token for token in special_tokens if suffix.startswith(token, end)), None):
        end += len(token)
    return suffix[:end] if end > begin else suffix.rstrip()
