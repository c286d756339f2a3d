"""The first rows of training as a person reads them: every turn on lines of its own."""

from __future__ import annotations

import json
from collections.abc import Sequence

from runner.chat.messages import Message
from runner.contract import Table
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


def preview(rows: Sequence[LanguageRow], count: int) -> Table:
    """A line of the table for every turn, with the row's line in the file and what the turn is in it."""
    cells: list[tuple[object, ...]] = []
    for row in rows[:count]:
        cells += [(row.line, *cell) for cell in _cells(row)]
    return Table("rows", "Training rows", ("line", "part", "role", "text"), cells)


def preview_text(rows: Sequence[LanguageRow], count: int) -> str:
    """Every row under its line, every turn under whose it is."""
    lines: list[str] = []
    for row in rows[:count]:
        lines.append(f"line {row.line}")
        part = ""
        for what, role, text in _cells(row):
            if what != part and what not in ("turn", "text"):
                lines.append(f"  {what}:")
            part = what
            name = f"{role}: " if role else ""
            lines += [f"    {line}".rstrip() for line in f"{name}{text}".split("\n")]
    return "\n".join(lines)


def _cells(row: LanguageRow) -> list[tuple[str, str, str]]:
    if isinstance(row, TextRow):
        return [("text", "", row.text)]
    if isinstance(row, PairRow):
        said = {"score": None if row.score is None else f"{row.score:g}", "label": row.label}
        texts = [("anchor", "", row.anchor), ("positive", "", row.positive)]
        texts += [("negative", "", text) for text in row.negatives]
        return texts + [(name, "", value) for name, value in said.items() if value is not None]
    if isinstance(row, ConversationRow):
        worth = [] if row.advantage is None else [("advantage", "", f"{row.advantage:g}")]
        return _tools(row.conversation.tools) + _turns("turn", row.conversation.messages) + worth
    if isinstance(row, SourceRow):
        return [("source", "", row.source), *(("target", "", target) for target in row.targets)]
    found = _tools(row.prompt.tools) + _turns("prompt", row.prompt.messages)
    if isinstance(row, PreferenceRow):
        better = "chosen" if row.margin is None else f"chosen by {row.margin:g}"
        return found + _turns(better, row.chosen) + _turns("rejected", row.rejected)
    if isinstance(row, PromptRow):
        return found + [("beside it", name, _cell(value)) for name, value in row.beside.items()]
    assert isinstance(row, LabelledRow)
    return found + _turns("wanted" if row.wanted else "unwanted", row.completion)


def _cell(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _tools(tools: Sequence[object]) -> list[tuple[str, str, str]]:
    return [("tool", "", json.dumps(tool, ensure_ascii=False)) for tool in tools]


def _turns(part: str, messages: Sequence[Message]) -> list[tuple[str, str, str]]:
    return [(part, _role(message), _said(message)) for message in messages]


def _role(message: Message) -> str:
    name = f" {message.name}" if message.name else ""
    return f"{message.role}{name}" + ("" if message.weight is None else f" x{message.weight:g}")


def _said(message: Message) -> str:
    calls = [
        f"calls {each.name}({json.dumps(dict(each.arguments), ensure_ascii=False)})" for each in message.tool_calls
    ]
    thought = [f"(thinks) {message.reasoning}"] if message.reasoning else []
    return "\n".join([*thought, *([message.content] if message.content else []), *calls])
