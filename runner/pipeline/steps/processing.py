"""``process``: raw files of any container as rows of one form.

A question with its answer becomes ``{"system", "user", "assistant"}``. A dialogue of more turns stays whole, as
``{"messages"}``, and so does one with tools or reasoning. A row that is neither is in the file of rejected rows, with
its line and the reason. The columns are found by their names (:data:`USER`, :data:`ASSISTANT`, :data:`SYSTEM`); what an
instruction is about (:data:`ABOUT`) is put below it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from runner.contract import Section, option
from runner.data.conversations.conversation_rows import Layout
from runner.data.dialogues.cell_values import kind, missing, nothing, structure
from runner.data.dialogues.column_roles import Columns, plain
from runner.data.dialogues.row_faults import RowFault, Told
from runner.data.dialogues.turn_reader import TurnReader
from runner.data.holdout import ColumnName
from runner.errors import DataError
from runner.pipeline.steps import Inputs
from runner.pipeline.steps.raw_rows import RawRow, raw_rows
from runner.pipeline.steps.row_files import REJECTED, RowWriter, need_rows, part_writer
from runner.pipeline.steps.step_report import StepReport

#: Names of what is asked, the first that is not empty. An instruction comes before the input that it is about.
USER = ("user", "question", "prompt", "instruction", "input", "query", "problem", "human")
ABOUT = ("input", "inputs", "context")
ASSISTANT = ("assistant", "answer", "response", "target", "output", "completion", "reply")
SYSTEM = ("system", "system_prompt", "system_message")
#: Columns with which a row is more than a question and its answer.
MORE = ("messages", "history", "tools", "reasoning")
#: Why a row is not taken whose column is there and says nothing: as training calls it.
EMPTY = {"user": "empty_prompt", "assistant": "empty_answer"}
HINT = 'name the columns: --columns \'{"user": "Question", "assistant": "Reply"}\''
TEXT_KEYS = ("answer", "text", "content", "value")


class OwnColumns(Section):
    """Columns by other names."""

    user: ColumnName | None = option(None, description="The column of what is asked.")
    input: ColumnName | None = option(None, description="The column of what it is about, put below it.")
    assistant: ColumnName | None = option(None, description="The column of the answer.")
    system: ColumnName | None = option(None, description="The column of the system's words.")
    messages: ColumnName | None = option(None, description="The column of the turns of a dialogue.")


class Options(Section):
    """What ``process`` may be told."""

    system: str | None = option(
        None, min_length=1, description="The system's words of rows that have none. By default they have none then."
    )
    max_characters: int | None = option(
        None,
        ge=1,
        description="Cut what is asked and what is answered after so many characters; each row that is cut is counted "
        "and named. By default nothing is cut.",
    )
    columns: OwnColumns = option(factory=OwnColumns, description="Columns by other names than the usual ones.")
    keep: list[ColumnName] = option(
        factory=list, description="Other columns that stay, such as the one that a split is stratified by."
    )
    encoding: str | None = option(None, min_length=1, description="The encoding of text files. By default UTF-8.")
    delimiter: str | None = option(None, min_length=1, max_length=1, description="What separates the cells of a CSV.")
    max_rows_lost: float = option(
        0.5, ge=0, le=1, description="Fail where more than this share of the rows cannot be taken."
    )


def run(inputs: Inputs, options: Options, out: Path) -> StepReport:
    """Each input's rows into a part of that name, and those that were not taken into ``_rejected.jsonl``.

    Raises :class:`DataError` where no row can be taken, or more are lost than ``max_rows_lost`` allows.
    """
    report = StepReport()
    with ExitStack() as files:
        rejected = files.enter_context(RowWriter(out, REJECTED, report))
        for part, path in inputs.items():
            reader = _Reader(options, report)
            with part_writer(out, part, report) as writer:
                for raw in raw_rows(path, options.encoding, options.delimiter):
                    report.rows_read += 1
                    try:
                        for row in reader.rows(raw):
                            writer.write(row)
                    except RowFault as fault:
                        report.drop(fault.reason, raw.place)
                        rejected.write(
                            {"file": str(raw.file), "line": raw.line, "reason": fault.reason, "detail": fault.detail,
                             "row": raw.value}
                        )  # fmt: skip
    need_rows(report, inputs, HINT)
    lost = sum(report.dropped.values())
    if lost > options.max_rows_lost * report.rows_read:
        reasons = ", ".join(f"{reason} ({count}): {', '.join(report.named[reason][:3])}"
                            for reason, count in report.dropped.most_common(3))  # fmt: skip
        raise DataError(
            f"{lost} of {report.rows_read} rows cannot be taken, more than max_rows_lost allows: {reasons}",
            where=", ".join(str(path) for path in inputs.values()),
            hint=f"{HINT}; or raise --max-rows-lost",
        )
    return report


class _Reader:
    """Makes rows of one data set's raw rows."""

    def __init__(self, options: Options, report: StepReport) -> None:
        self._options, self._report = options, report
        self._own = {role: name for role, name in options.columns.model_dump().items() if name is not None}
        self._told = Told()
        layout_own: dict[str, str] = {role: self._own[role] for role in ("messages", "system") if role in self._own}
        #: The columns of this row that are read.
        self._used: set[str] = set()
        self._layout = Layout(layout_own, self._told, TurnReader(self._told, from_arrow=False))

    def rows(self, raw: RawRow) -> Iterator[dict[str, Any]]:
        """What becomes of a raw row: mostly one row. Raises :class:`RowFault`."""
        if raw.fault is not None:
            reason = "not_json" if raw.fault.startswith("not JSON") else "unreadable"
            raise RowFault(reason, raw.fault)
        value = raw.value
        if isinstance(value, list):
            value = _of_array(value)
        if not isinstance(value, dict):
            raise RowFault("no_object", f"the row is {kind(value)}, not an object")
        columns = Columns(tuple(value), {})
        if self._is_more(value, columns):
            yield from self._dialogues(value, raw)
            return
        self._used = set(self._options.keep)
        user, assistant, system = self._exchange(value)
        changed: set[str] = set()
        row = {
            "system": self._text(system, "system", changed, cut=False) if not nothing(system) else "",
            "user": self._asked(user, value, changed),
            "assistant": self._text(assistant, "assistant", changed),
        }
        if not row["system"] and self._options.system is not None:
            row["system"] = self._options.system.strip()
            self._count("given_the_default_system")
        for reason in sorted(changed):
            self._report.change(reason, raw.place)
        self._count("question_and_answer")
        for name, cell in value.items():
            if name not in self._used and not nothing(cell):
                self._count(name, "unused_columns")
        yield row | self._kept(value)

    def _count(self, fact: str, where: str = "rows") -> None:
        facts = self._report.facts.setdefault(where, {})
        facts[fact] = facts.get(fact, 0) + 1

    def _kept(self, value: Mapping[str, Any]) -> dict[str, Any]:
        for name in self._options.keep:
            if name not in value:
                raise RowFault("no_kept_column", f"there is no column {name!r}, which is to stay")
        return {name: value[name] for name in self._options.keep}

    def _is_more(self, value: Mapping[str, Any], columns: Columns) -> bool:
        if self._own.get("messages") in value:
            return True
        if {"user", "assistant"} & self._own.keys():
            return False
        found = [columns.of(role) for role in MORE]
        if any(name is not None and not nothing(value[name]) for name in found):
            return True
        asked = next((value[name] for name in columns.all(USER) if not nothing(value[name])), None)
        return self._layout.reader.is_turns(asked) or bool(columns.all(["instances"]))

    def _exchange(self, value: Mapping[str, Any]) -> tuple[Any, Any, Any]:
        user, assistant = self._cell(value, "user", USER), self._cell(value, "assistant", ASSISTANT)
        for what, cell, names in (("user", user, USER), ("assistant", assistant, ASSISTANT)):
            if nothing(cell):
                if (column := self._empty(value, what, names)) is not None:
                    raise RowFault(EMPTY[what], f"{column!r} says nothing")
                shown = ", ".join(map(repr, list(value)[:12])) or "nothing"
                known = self._own.get(what) or ", ".join(names)
                raise RowFault(f"no_{what}", f"the row has {shown}; {what} is in {known}")
        return user, assistant, self._cell(value, "system", SYSTEM)

    def _cell(self, value: Mapping[str, Any], role: str, names: tuple[str, ...]) -> Any:
        """The first cell that is not empty. What is the spec's own column is no other role's."""
        if role in self._own:
            self._used.add(self._own[role])
            return value.get(self._own[role])
        by_plain = self._by_plain(value, role)
        found = next((by_plain[name] for name in names if not nothing(value.get(by_plain.get(name, "")))), None)
        if found is None:
            return None
        self._used.add(found)
        return value[found]

    def _empty(self, value: Mapping[str, Any], role: str, names: tuple[str, ...]) -> str | None:
        """The column of a role that is there with nothing in its cell."""
        if role in self._own:
            return self._own[role] if self._own[role] in value else None
        by_plain = self._by_plain(value, role)
        return next((by_plain[name] for name in names if name in by_plain), None)

    def _by_plain(self, value: Mapping[str, Any], role: str) -> dict[str, str]:
        """The columns that may be a role's, by their names without case and signs."""
        taken = {name for other, name in self._own.items() if other != role}
        return {plain(name): name for name in reversed(list(value)) if name not in taken}

    def _asked(self, user: Any, value: Mapping[str, Any], changed: set[str]) -> str:
        text = self._text(user, "user", changed, cut=False)
        about = self._cell(value, "input", ABOUT)
        if not nothing(about) and about is not user and about != user:
            text = f"{text}\n\n{self._text(about, 'input', changed, cut=False)}"
            self._count("instruction_and_input")
        return self._cut(text, changed, "user")

    def _text(self, cell: Any, what: str, changed: set[str], cut: bool = True) -> str:
        if isinstance(cell, list) and len(cell) == 1:
            cell = cell[0]
        if isinstance(cell, bool | int | float) and not (isinstance(cell, float) and not math.isfinite(cell)):
            changed.add("number_as_text")
            cell = json.dumps(cell)
        if not isinstance(cell, str):
            raise RowFault(f"{what}_not_text", f"{what} is {kind(cell)}")
        text = cell.strip()
        return self._cut(text, changed, what) if cut else text

    def _cut(self, text: str, changed: set[str], what: str) -> str:
        most = self._options.max_characters
        if most is None or len(text) <= most:
            return text
        changed.add(f"{what}_cut")
        return text[:most].rstrip()

    def _dialogues(self, value: dict[str, Any], raw: RawRow) -> Iterator[dict[str, Any]]:
        """A row of turns: whole, or as its three texts where it is one question and one answer."""
        made = self._layout.rows({name: cell for name, cell in value.items() if not missing(cell)}, raw.line)
        changed = set(self._told.changed | self._told.odd)
        for each in made:
            document = each.conversation.as_dict()  # type: ignore[union-attr]
            for turn in document["messages"]:
                turn["content"] = self._cut(turn["content"].strip(), changed, turn["role"])
            if self._options.system is not None and document["messages"][0]["role"] != "system":
                document["messages"].insert(0, {"role": "system", "content": self._options.system.strip()})
                self._count("given_the_default_system")
            short = _as_exchange(document)
            self._count("dialogue" if short is None else "question_and_answer")
            yield (document if short is None else short) | self._kept(value)
        for reason in sorted(changed):
            self._report.change(reason, raw.place)


def _of_array(value: list[Any]) -> dict[str, Any]:
    """``[question, {"answer": text}]`` as an object; a list of turns as ``messages``. Raises :class:`RowFault`."""
    if value and all(isinstance(each, dict) for each in value):
        return {"messages": value}
    if len(value) != 2 or not isinstance(value[0], str | int | float):
        raise RowFault("bad_array", f'an array is [question, {{"answer": text}}], and this one has {len(value)} parts')
    answer = structure(value[1])
    beside: dict[str, Any] = {}
    if isinstance(answer, dict):
        if not nothing(answer.get("system")):
            beside = {"system": answer["system"]}
        answer = next((answer[key] for key in TEXT_KEYS if not nothing(answer.get(key))), None)
    return {"user": value[0], "assistant": answer} | beside


def _as_exchange(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """``{"system", "user", "assistant"}`` of a dialogue that is no more than that."""
    turns = document["messages"]
    roles = [turn["role"] for turn in turns]
    if "tools" in document or any(turn.keys() != {"role", "content"} for turn in turns):
        return None
    if roles == ["user", "assistant"]:
        return {"system": "", "user": turns[0]["content"], "assistant": turns[1]["content"]}
    if roles == ["system", "user", "assistant"]:
        return {turn["role"]: turn["content"] for turn in turns}
    return None
