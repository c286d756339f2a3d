"""Rows of conversations, out of messages, ShareGPT, Alpaca, prompt and completion, or dialogues that are one text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from runner.chat.messages import Message, ToolCall
from runner.data.dialogues.cell_values import nothing, structure
from runner.data.dialogues.column_roles import Columns
from runner.data.dialogues.dialogue_text import dialogue
from runner.data.dialogues.row_faults import RowFault
from runner.data.dialogues.row_layout import Form, LayoutRows, is_preference, need_answers
from runner.data.dialogues.row_types import ConversationRow, LanguageRow
from runner.data.invisible_text import is_blank

BESIDE = ("system", "tools", "advantage")


class Layout(LayoutRows):
    """A conversation a row."""

    KNOWN = (
        "messages or conversations (turns with role and content, or from and value), instruction and output, "
        "prompt and completion, question and answer"
    )
    MAPPED: ClassVar[tuple[str, ...]] = ("prompt", "completion")
    DECIDING: ClassVar[tuple[str, ...]] = ("messages", "prompt", "completion", "text")
    EITHER: ClassVar[tuple[frozenset[str], ...]] = (
        frozenset({"messages"}), frozenset({"prompt", "completion"}), frozenset({"text"}),
    )  # fmt: skip

    def forms(self, columns: Columns) -> Iterator[Form]:
        messages = columns.of("messages")
        if messages is not None:
            yield Form("messages", columns.beside({"messages": messages}, BESIDE), ("messages",))
        instances = columns.all(["instances"])
        instruction = columns.all(["instruction"])
        if instances and instruction:
            found = {"prompt": instruction[0], "instances": instances[0]}
            yield Form("instances", found, ("prompt", "instances"))
        asked, truth = columns.all(["question"]), columns.all(["ground_truth"])
        defined = columns.of("tools", ("tools", "functions", "function"))
        if asked and truth and defined:
            named = {"messages": asked[0], "calls": truth[0], "tools": defined}
            yield Form("accepted_calls", columns.beside(named, BESIDE), ("messages", "tools"))
        faults = []
        try:
            found = columns.question()
        except RowFault as fault:
            found = {}
            faults.append(fault)
        if found:
            found = columns.beside(found, ("input", "history", "reasoning", *BESIDE))
            name = "alpaca" if found["prompt"] == "instruction" else "prompt_completion"
            yield Form(name, found, ("prompt", "completion"))
        text = columns.of("text", ("text",))
        if text is not None and not found and messages is None:
            yield Form("dialogue_text", columns.beside({"text": text}, BESIDE), ("text",))
        elif faults and messages is None:
            raise faults[0]

    def stranger(self, columns: Columns) -> RowFault:
        if is_preference(columns):
            return RowFault("preferences", "model_type dpo, orpo and reward learn from preferences")
        if columns.prompt() is not None and not self.own:
            shown = ", ".join(map(repr, columns.names[:20]))
            return RowFault("no_answer_column", f"there are {shown}: which is the answer to {columns.prompt()!r}?")
        return super().stranger(columns)

    def accepts(self, form: Form, row: Mapping[str, Any]) -> bool:
        if form.name == "messages":
            value = structure(row.get(form.columns["messages"]))
            return isinstance(value, list | dict) or (isinstance(value, str) and dialogue(value) is not None)
        return True

    def made(self, form: Form, row: Mapping[str, Any], line: int) -> Iterator[LanguageRow]:
        tools = self.tools(form, row)
        if form.name == "instances":
            yield from self._instances(form, row, line)
            return
        if form.name == "accepted_calls":
            turns = (*self.reader.turns(row.get(form.columns["messages"]), "question"), *self._accepted(form, row))
        elif form.name == "messages":
            value = row.get(form.columns["messages"])
            if nothing(value):
                raise RowFault("missing_messages", "there are no turns")
            turns = self.with_system(form, row, self.reader.turns(value, form.columns["messages"]))
        elif form.name == "dialogue_text":
            turns = self.with_system(form, row, self._spoken(form, row))
        else:
            turns = (*self.asked(form, row), *self._answer(form, row))
        yield ConversationRow(line, self.conversation(self.learned(turns), tools), self.number(form, row, "advantage"))

    def _spoken(self, form: Form, row: Mapping[str, Any]) -> tuple[Message, ...]:
        value = row.get(form.columns["text"])
        spoken = dialogue(value) if isinstance(value, str) else None
        if spoken is None:
            raise RowFault("plain_texts", f"{form.columns['text']!r} is no dialogue")
        return self.reader.thought(spoken)

    def _answer(self, form: Form, row: Mapping[str, Any]) -> tuple[Message, ...]:
        turns = self.answer(row.get(form.columns["completion"]), "completion")
        thought = row.get(form.columns["reasoning"]) if "reasoning" in form.columns else None
        if isinstance(thought, str) and thought.strip() and len(turns) == 1 and turns[0].reasoning is None:
            return (replace(turns[0], content=self.reader.thought_once(turns[0].content, thought), reasoning=thought),)
        return turns

    def _accepted(self, form: Form, row: Mapping[str, Any]) -> tuple[Message, ...]:
        """The calls that are right, of which every argument has a list of values: the first of each."""
        truth = structure(row.get(form.columns["calls"]))
        if nothing(truth):
            return ()
        calls = []
        for call in truth if isinstance(truth, list) else [truth]:
            for name, arguments in (call if isinstance(call, dict) else {}).items():
                if not isinstance(arguments, dict) or not all(isinstance(each, list) for each in arguments.values()):
                    raise RowFault("bad_tool_arguments", f"the arguments of {name} are no lists of accepted values")
                # An empty text in front says that the argument may be left out.
                values = {key: each[0] for key, each in arguments.items() if each and each[0] != ""}
                if any(len(each) > 1 for each in arguments.values()):
                    self.told.changed.add("first_accepted_value")
                calls.append(ToolCall(name, values))
        return (Message("assistant", "", tool_calls=tuple(calls)),) if calls else ()

    def _instances(self, form: Form, row: Mapping[str, Any], line: int) -> Iterator[LanguageRow]:
        """One instruction with several inputs and outputs: a conversation each."""
        cases = structure(row.get(form.columns["instances"]))
        if not isinstance(cases, list) or not cases:
            raise RowFault("bad_instances", "instances is no list of inputs and outputs")
        for number, case in enumerate(cases):
            if not isinstance(case, dict) or "output" not in case:
                raise RowFault("bad_instances", f"instances[{number}] has no output")
            flat = {"prompt": row.get(form.columns["prompt"]), "input": case.get("input")}
            one = Form("instances", {"prompt": "prompt", "input": "input"}, ())
            turns = (*self.asked(one, flat), *self.answer(case["output"], "completion"))
            yield ConversationRow(line, self.conversation(self.learned(turns), ()))

    def learned(self, turns: Sequence[Message]) -> tuple[Message, ...]:
        """The turns to the last answer. Raises :class:`RowFault` where there is none, or one says nothing."""
        last = max((at for at, turn in enumerate(turns) if turn.role == "assistant"), default=None)
        if last is None:
            raise RowFault("no_answer", "there is no turn of an assistant")
        if last + 1 < len(turns):
            self.told.changed.add("turns_after_last_answer_cut")
        turns = tuple(turns[: last + 1])
        need_answers(turns, "messages")
        weights = {turn.weight for turn in turns if turn.role == "assistant" or turn.weight is not None}
        if weights == {0}:
            raise RowFault("nothing_learned", "every turn of an assistant has the weight 0")
        for number, turn in enumerate(turns):
            if turn.role == "user" and is_blank(turn.content):
                raise RowFault("empty_prompt", f"messages[{number}] of a user says nothing")
        return turns
