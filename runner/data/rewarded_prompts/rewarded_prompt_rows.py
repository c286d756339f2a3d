"""Rows of prompts, out of a column of prompts or of conversations, with all that stands beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from runner.chat.messages import Message
from runner.data.dialogues.cell_values import missing, nothing
from runner.data.dialogues.column_roles import Columns
from runner.data.dialogues.row_faults import RowFault
from runner.data.dialogues.row_layout import Form, LayoutRows, is_preference
from runner.data.dialogues.row_types import LanguageRow, PromptRow

#: What the answer is called that a conversation ends with: rewards find it by this name.
ANSWER = "answer"


class Layout(LayoutRows):
    """A prompt a row."""

    KNOWN = "prompt, question, instruction or problem; messages or conversations (turns that end with a user's)"
    MAPPED: ClassVar[tuple[str, ...]] = ("prompt",)
    DECIDING: ClassVar[tuple[str, ...]] = ("messages", "prompt")
    EITHER: ClassVar[tuple[frozenset[str], ...]] = (frozenset({"messages"}), frozenset({"prompt"}))

    def forms(self, columns: Columns) -> Iterator[Form]:
        messages = columns.of("messages")
        if messages is not None:
            yield Form("messages", columns.beside({"messages": messages}, ("system", "tools")), ("messages",))
        prompt = columns.prompt()
        if prompt is not None:
            found = columns.beside({"prompt": prompt}, ("input", "history", "system", "tools"))
            yield Form("prompt", found, ("prompt",))

    def stranger(self, columns: Columns) -> RowFault:
        if is_preference(columns):
            return RowFault("preferences", "model_type dpo, orpo and reward learn from preferences")
        return super().stranger(columns)

    def made(self, form: Form, row: Mapping[str, Any], line: int) -> Iterator[LanguageRow]:
        tools = self.tools(form, row)
        if form.name == "messages":
            value = row.get(form.columns["messages"])
            if nothing(value):
                raise RowFault("missing_messages", "there are no turns")
            turns = self.with_system(form, row, self.reader.turns(value, form.columns["messages"]))
        else:
            turns = self.asked(form, row)
        taken = set(form.columns.values())
        beside = {name: _plain(value) for name, value in row.items() if name not in taken and not missing(value)}
        turns, answer = _cut(turns)
        if answer is not None:
            self.told.noted.add("answer_beside_prompt")
            beside.setdefault(ANSWER, answer)
        self.told.used.update(row)
        yield PromptRow(line, self.conversation(turns, tools), beside)


def _cut(turns: Sequence[Message]) -> tuple[tuple[Message, ...], str | None]:
    """The turns to the last that is to be answered, and what the data answers it; None where it does not.

    Raises :class:`RowFault` where there is nothing to answer.
    """
    kept = list(turns)
    answer: str | None = None
    while kept and kept[-1].role == "assistant":
        answer = kept.pop().content
    if not any(turn.role == "user" for turn in kept):
        raise RowFault("no_prompt", "no turn is a user's: there is nothing to answer")
    if kept[-1].role == "system":
        raise RowFault("no_prompt", "the last turn is the system's: there is nothing to answer")
    for number, turn in enumerate(kept):
        if turn.role == "user" and not turn.content.strip():
            raise RowFault("empty_prompt", f"messages[{number}] of a user says nothing")
    return tuple(kept), answer


def _plain(value: Any) -> Any:
    """A cell as JSON has it."""
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
