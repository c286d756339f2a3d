"""A conversation as a template takes it: objects, with what must stay text marked as such."""

from __future__ import annotations

from dataclasses import dataclass, replace
from json import dumps
from typing import Any

from runner.chat.messages import Conversation, Message
from runner.chat.refusals import Unrenderable
from runner.chat.special_token_escape import Protection, protect
from runner.chat.template_habits import Habits, in_parts
from runner.chat.template_rendering import Template
from runner.chat.turn_positions import Scribe


@dataclass(frozen=True, slots=True)
class Marks:
    """The special tokens that texts begin or end with in data that was rendered once before."""

    #: What the tokenizer begins a text with; None where it begins with nothing.
    start: str | None
    #: What an answer ends with: the template's end of turn, and the tokenizer's end of text.
    ends: tuple[str, ...]
    #: Those of them that are text, so that an answer cannot say them.
    stops: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """The conversation, ready to be written, and what was done to its texts."""

    #: The conversation without what was taken off.
    conversation: Conversation
    scribe: Scribe
    protection: Protection
    notes: tuple[str, ...]


def prepare(conversation: Conversation, template: Template, habits: Habits, marks: Marks) -> Prepared:
    """Take off what the template writes itself, and put reasoning where the template keeps it."""
    messages, notes = [], []
    for index, message in enumerate(conversation.messages):
        bare = _bare(message, marks, first=index == 0)
        if bare != message.content:
            notes.append("a text began or ended with a special token that the template writes itself: it was taken off")
            message = replace(message, content=bare)
        for stop in marks.stops:
            if message.role == "assistant" and stop in message.content:
                raise Unrenderable(
                    "special token",
                    f"message {index + 1} (assistant): the answer says {stop!r}, which is how the chat template "
                    f"({template.name}) ends a turn, and no token of the tokenizer",
                    hint="take it out of the row, or name another template in chat.template",
                )
        if habits.thinking and message.role == "assistant" and message.weight != 0 and _thoughtless(message):
            notes.append(
                "the chat template begins an answer with <think>, and an answer has no thought: an empty one is learned"
            )
        messages.append(message)
    documents = [_document(message, habits) for message in messages]
    tools = [dict(tool) for tool in conversation.tools]
    protection = protect(habits.special_tokens, [documents, tools])
    reasoning = [
        None if message.reasoning is None else protection.around(message.reasoning.strip()) for message in messages
    ]
    scribe = Scribe(template, habits, protection.around(documents), protection.around(tools), reasoning)
    return Prepared(conversation.with_messages(messages), scribe, protection, tuple(dict.fromkeys(notes)))


def _bare(message: Message, marks: Marks, *, first: bool) -> str:
    content = message.content
    while first and marks.start is not None and content.startswith(marks.start):
        content = content.removeprefix(marks.start)
    while message.role == "assistant" and (stripped := content.rstrip()).endswith(marks.ends):
        content = next(stripped.removesuffix(end) for end in marks.ends if stripped.endswith(end))
    return content


def _thoughtless(message: Message) -> bool:
    return not (message.reasoning or "").strip() and "</think>" not in message.content


def _document(message: Message, habits: Habits) -> dict[str, Any]:
    document = message.as_dict()
    if message.reasoning is not None and not habits.reads_reasoning:
        del document["reasoning_content"]
        document["content"] = f"<think>\n{message.reasoning.strip()}\n</think>\n\n{message.content}"
    if habits.call_form is not None:
        document = habits.call_form.of(document)
    return in_parts(document) if habits.parts else document


def left_out(message: Message, text: str, protection: Protection) -> str | None:
    """What of a message is not in the text that it was written into: its content, its reasoning, a call."""

    def there(value: str) -> bool:
        lines = [line.strip() for line in str(protection.around(value)).splitlines() if line.strip()]
        ends = {lines[0], lines[-1]} if lines else set()
        return all(line in text or dumps(line, ensure_ascii=False)[1:-1] in text for line in ends)

    answer = message.content.rpartition("</think>")[2] if message.role == "assistant" else message.content
    if not there(answer):
        return "its content"
    if message.reasoning is not None and not there(message.reasoning):
        return "its reasoning"
    if not all(there(call.name) for call in message.tool_calls):
        return "its call of a tool"
    return None
