"""What a teacher or a student reads in place of a user's turn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from runner.builders.language._fields.teacher_fields import INPUT
from runner.chat.messages import Conversation, Message
from runner.data.dialogues.row_types import ConversationRow


def turned(conversation: Conversation, template: str) -> Conversation:
    """The conversation with each turn of a user put into ``template``."""
    if template == INPUT:
        return conversation

    def put(message: Message) -> Message:
        return replace(message, content=template.replace(INPUT, message.content)) if message.role == "user" else message

    return conversation.with_messages([put(message) for message in conversation.messages])


def turned_rows(rows: Sequence[ConversationRow], template: str) -> Iterable[ConversationRow]:
    """The same of every row. They can be gone through once."""
    if template == INPUT:
        return rows
    return (replace(row, conversation=turned(row.conversation, template)) for row in rows)
