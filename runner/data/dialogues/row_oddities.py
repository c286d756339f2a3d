"""What is odd about a conversation that can be learned as it stands, and is seldom meant: words of ``ODDITIES``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from runner.chat.messages import Message
from runner.data.invisible_text import is_blank
from runner.data.table_rows.values import WRITTEN_FOR_NONE

#: Answers to a prompt of so many words do not begin with it by chance.
SAME_WORDS = 3
#: What a decoder puts for bytes that it cannot read.
LOST_LETTER = "\ufffd"
#: Marks of turns, as chat templates write them, and the line at the end of a prompt that a template writes itself.
_CHAT_FORMAT = re.compile(
    r"<\|(?:im_start|start_header_id|user|assistant|system|turn)\|?>|<start_of_turn>|\[/?INST\]|<｜(?:User|Assistant)｜>"
    r"|###\s?(?:Response|Assistant):\s*\Z"
)


def oddities(turns: Sequence[Message], tools: Sequence[Any] = ()) -> set[str]:
    """What is odd about a conversation's turns, their order, and the tools that they call."""
    found = set()
    roles = [turn.role for turn in turns]
    for before, after in pairwise(roles):
        if before == after and before in ("user", "assistant"):
            found.add("same_speaker_twice")
    if "system" in roles[1:]:
        found.add("system_turn_later")
    spoken = [role for role in roles if role != "system"]
    if spoken[:1] == ["assistant"]:
        found.add("begins_with_answer")
    if tools:
        known = {tool["function"]["name"] for tool in tools}
        if any(call.name not in known for turn in turns for call in turn.tool_calls):
            found.add("unlisted_tool")
    found |= _of_calls(turns)
    for at, turn in enumerate(turns):
        if LOST_LETTER in turn.content:
            found.add("lost_letters")
        if turn.role in ("system", "user") and _CHAT_FORMAT.search(turn.content):
            found.add("written_in_a_chat_format")
        if turn.role == "assistant" and turn.weight != 0:
            found |= answer_oddities(turn, turns[at - 1] if at else None)
    return found


def _of_calls(turns: Sequence[Message]) -> set[str]:
    """Calls of tools that no answer follows, and answers of tools that nothing asked for."""
    found = set()
    open_calls: list[str | None] = []
    for turn in turns:
        if turn.role == "tool":
            match = next(
                (at for at, call in enumerate(open_calls) if turn.tool_call_id in (call, None) or not call), None
            )
            if match is None:
                found.add("unasked_tool_answer")
            else:
                del open_calls[match]
            continue
        if open_calls:
            found.add("unanswered_call")
        open_calls = [call.id for call in turn.tool_calls]
    return found


def answer_oddities(answer: Message, before: Message | None) -> set[str]:
    """What is odd about an answer that is to be learned, ``before`` being the turn that it answers."""
    found = set()
    if answer.content.strip().lower() in WRITTEN_FOR_NONE:
        found.add("answer_says_nothing")
    if not answer.tool_calls and thought_alone(answer.content):
        found.add("thought_alone")
    if before is not None and before.role == "user" and repeats(before, answer):
        found.add("answers_begin_with_prompt")
    return found


def thought_alone(text: str) -> bool:
    """Whether a text begins to think and comes to no answer: its ``<think>`` is never closed, or nothing follows."""
    _, opened, thought = text.rpartition("<think>")
    _, closed, rest = thought.rpartition("</think>")
    return bool(opened) and (not closed or is_blank(rest))


def repeats(prompt: Message, answer: Message) -> bool:
    """Whether an answer begins with all that was asked, word by word."""
    asked = prompt.content.strip()
    return len(asked.split()) >= SAME_WORDS and answer.content.lstrip().startswith(asked)
