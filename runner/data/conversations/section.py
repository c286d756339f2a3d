"""The ``data`` section of supervised fine-tuning: conversations, from a path to two splits."""

from __future__ import annotations

from typing import ClassVar

from runner.contract import option
from runner.data.dialogues.section import TurnColumns, TurnsData
from runner.data.holdout import ColumnName
from runner.data.role_files import column


class ConversationColumns(TurnColumns):
    """The columns of a conversation, where they are called otherwise than usual."""

    completion: ColumnName | None = column("The answer to the prompt.")
    reasoning: ColumnName | None = column("What was thought before that answer.")
    text: ColumnName | None = column("A whole dialogue as one text: 'Human: ... Assistant: ...'.")
    advantage: ColumnName | None = column("How much better than expected the answers are, as a number.")


class ConversationsData(TurnsData):
    """Conversations, some of whose turns are learned."""

    layout: ClassVar[str] = "conversations"
    made_by: ClassVar[str] = "runner.data.conversations.conversation_rows"
    cleaned_by: ClassVar[str] = "process"

    columns: ConversationColumns | None = option(
        None, description="Columns that are called otherwise than usual: messages, or prompt and completion, ..."
    )
