"""Rows as one JSON object each, the same for every way in which they were written; read again, they are the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runner.chat.messages import Conversation, Message
from runner.data.dialogues.row_types import (
    ConversationRow,
    LabelledRow,
    LanguageRow,
    PairRow,
    PreferenceRow,
    PromptRow,
    SourceRow,
    TextRow,
)


def document(row: LanguageRow) -> dict[str, Any]:
    """``{"text"}``, ``{"messages"}``, ``{"prompt", "chosen", "rejected"}`` or ``{"prompt", "completion", "label"}``,
    ``{"source", "target"}``, the last of which is a list of several,
    with ``tools``, ``margin`` and ``advantage`` where there are; a prompt to be answered as ``{"messages"}``, with all
    beside it; a pair of texts as ``{"anchor", "positive"}``, with ``negative``, ``score`` or ``label``."""
    if isinstance(row, TextRow):
        return {"text": row.text}
    if isinstance(row, ConversationRow):
        return row.conversation.as_dict() | ({} if row.advantage is None else {"advantage": row.advantage})
    if isinstance(row, PairRow):
        return _pair(row)
    if isinstance(row, PromptRow):
        return dict(row.beside) | row.prompt.as_dict()
    if isinstance(row, SourceRow):
        return {"source": row.source, "target": row.targets[0] if len(row.targets) == 1 else list(row.targets)}
    found: dict[str, Any] = {"prompt": _turns(row.prompt.messages)}
    if isinstance(row, PreferenceRow):
        found |= {"chosen": _turns(row.chosen), "rejected": _turns(row.rejected)}
        if row.margin is not None:
            found["margin"] = row.margin
    else:
        assert isinstance(row, LabelledRow)
        found |= {"completion": _turns(row.completion), "label": row.wanted}
    return found | ({"tools": [dict(tool) for tool in row.prompt.tools]} if row.prompt.tools else {})


def _pair(row: PairRow) -> dict[str, Any]:
    found: dict[str, Any] = {"anchor": row.anchor, "positive": row.positive}
    if row.negatives:
        found["negative"] = row.negatives[0] if len(row.negatives) == 1 else list(row.negatives)
    beside = {"score": row.score, "label": row.label}
    return found | {name: value for name, value in beside.items() if value is not None}


def _turns(messages: Sequence[Message]) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = Conversation(tuple(messages)).as_dict()["messages"]
    return turns
