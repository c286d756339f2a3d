"""What tells rows apart: all that they say, or what they were asked."""

from __future__ import annotations

import json
from collections.abc import Sequence

from runner.chat.messages import Message
from runner.data.dialogues.canonical import document
from runner.data.dialogues.row_types import ConversationRow, LanguageRow, PairRow, SourceRow, TextRow
from runner.data.holdout import text_key


def content_key(row: LanguageRow) -> int:
    """A number of 64 bits for everything that a row says."""
    return text_key(json.dumps(document(row), ensure_ascii=False, sort_keys=True))


def prompt_key(row: LanguageRow) -> int:
    """A number of 64 bits for what a row asks first, whatever its case and spacing; of a text, for all of it.

    Rows that share it are on one side of a split: other answers to one question, and a conversation that goes on.
    """
    if isinstance(row, TextRow):
        return text_key(_plain(row.text))
    if isinstance(row, SourceRow):
        return text_key(_plain(row.source))
    if isinstance(row, PairRow):
        return text_key(_plain(row.anchor))
    messages = row.conversation.messages if isinstance(row, ConversationRow) else row.prompt.messages
    return text_key(_plain(_first_asked(messages)))


def characters(row: LanguageRow) -> int:
    """How long all that a row says is."""
    if isinstance(row, TextRow):
        return len(row.text)
    if isinstance(row, SourceRow):
        return len(row.source) + max(map(len, row.targets))
    if isinstance(row, PairRow):
        return sum(map(len, (row.anchor, row.positive, *row.negatives)))
    messages = row.conversation.messages if isinstance(row, ConversationRow) else row.prompt.messages
    return sum(len(message.content) for message in messages)


def _first_asked(messages: Sequence[Message]) -> str:
    """The user's turns before the first answer; of a conversation that begins with one, its first turn."""
    asked: list[str] = []
    for message in messages:
        if message.role == "assistant" and asked:
            break
        if message.role == "user":
            asked.append(message.content)
    return "\n".join(asked) if asked else messages[0].content


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
