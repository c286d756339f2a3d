"""The rows of a task: read, made into questions, those that cannot be asked counted by reason with their lines."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from runner.contract.foreign_code import HINT as TESTS
from runner.contract.quantities import counted
from runner.data.records.row_reader import open_records
from runner.errors import DataError
from runner.near_names import hint
from runner.tasks.generation.evaluation_sections import EvaluationTask
from runner.tasks.generation.questions import few_shots
from runner.tasks.generation.questions.question import Question
from runner.tasks.generation.questions.question_cells import (
    Unasked,
    answer_templates,
    answers_of,
    columns_needed,
    prompt_of,
    tests_of,
)

#: Lines that are named of one reason; all are counted.
NAMED = 100
#: Characters of a message from a reader of rows, which may have a whole row in it.
SHORT = 200


class TaskFile(Protocol):
    """A task, and the file that it is from."""

    @property
    def task(self) -> EvaluationTask: ...
    @property
    def source(self) -> str: ...


@dataclass
class RowsRead:
    """What became of the rows of a file."""

    path: str
    read: int = 0
    #: Rows that ``where`` left out.
    others: int = 0
    #: Lines by reason.
    dropped: dict[str, list[int]] = field(default_factory=dict)

    def drop(self, reason: str, line: int) -> None:
        self.dropped.setdefault(reason, []).append(line)

    def as_dict(self) -> dict[str, Any]:
        return {
            "dataset": self.path,
            "rows_read": self.read,
            "rows_of_other_parts": self.others,
            "rows_dropped": {reason: len(lines) for reason, lines in self.dropped.items()},
            "named": {reason: lines[:NAMED] for reason, lines in self.dropped.items()},
        }


@dataclass(frozen=True)
class AskedTask:
    """A task with its questions, the same for every model."""

    loaded: TaskFile
    questions: list[Question]
    rows: RowsRead
    shown: RowsRead | None
    #: Questions there were before a limit.
    usable: int

    @property
    def name(self) -> str:
        return self.loaded.task.name

    def facts(self) -> dict[str, Any]:
        """What the results' document says of its rows."""
        repeats = sum(question.repeats > 0 for question in self.questions)
        document = self.rows.as_dict() | {"usable": self.usable, "asked": len(self.questions), "repeats": repeats}
        return document | ({"few_shot": self.shown.as_dict()} if self.shown is not None else {})


def read_task(loaded: TaskFile, limit: int | None, seed: int, limit_at: str = "--limit") -> AskedTask:
    """Read a task's rows and make its questions.

    With ``limit`` so many of them are drawn by ``seed`` and by their content, whatever the order of the file;
    ``limit_at`` says where it stands. Raises
    :class:`DataError` for a task without a usable row, for a limit that is greater than there are rows, for a column
    that no row has, for too few rows to show, and what reading raises.
    """
    task = loaded.task
    rows = RowsRead(task.data.dataset)
    questions = _read(loaded, rows, task.data.where, "/data")
    usable = len(questions)
    if limit is not None:
        if limit > usable:
            raise DataError(
                f"{usable:,} rows can be asked, and {limit:,} are wanted",
                where=f"{limit_at}, {loaded.source}",
                hint="lower it, or leave it out",
            )
        drawn = sorted(questions, key=lambda question: _draw(seed, question.id))[:limit]
        chosen = {question.id for question in drawn}
    else:
        chosen = {question.id for question in questions}
    shown: RowsRead | None = None
    if task.few_shot is not None:
        pool = questions
        if task.few_shot.dataset is not None or task.few_shot.where is not None:
            shown = RowsRead(task.few_shot.dataset or task.data.dataset)
            pool = _read(loaded, shown, task.few_shot.where, "/few_shot")
        draw = few_shots.Drawing(pool, task.few_shot, f"{loaded.source}: /few_shot/k")
        questions = [draw.shown(question) if question.id in chosen else question for question in questions]
    return AskedTask(loaded, [question for question in questions if question.id in chosen], rows, shown, usable)


def _read(loaded: TaskFile, told: RowsRead, where: Mapping[str, Any] | None, pointer: str) -> list[Question]:
    task, place = loaded.task, f"{loaded.source}: {pointer}/dataset"
    records = open_records(told.path, pointer=place, encoding=task.data.encoding, delimiter=task.data.delimiter)
    found: list[Question] = []
    seen: set[str] = set(records.columns or ())
    counts: Counter[str] = Counter()
    for batch in records.batches():
        for line, _ in batch.bad:
            told.read += 1
            told.drop("unreadable", line)
        for line, row in zip(batch.numbers, batch.rows, strict=True):
            told.read += 1
            seen.update(row)
            if where is not None and not all(_same(row.get(name), value) for name, value in where.items()):
                told.others += 1
                continue
            try:
                answers, correct = answers_of(task, row)
                question = Question(
                    str(batch.file), line, prompt_of(task, row), answers, correct, tests=tests_of(task, row)
                )
            except Unasked as unasked:
                told.drop(unasked.reason, line)
                continue
            repeats = counts[question.content]
            counts[question.content] += 1
            found.append(replace(question, repeats=repeats))
    if not told.read:
        raise DataError("there is no row in it", where=f"{place}: {told.path}")
    _check_columns(loaded, seen, where, pointer)
    if not found:
        raise DataError(_nothing(told), where=place, hint=_look(told))
    return found


def _check_columns(loaded: TaskFile, seen: set[str], where: Mapping[str, Any] | None, pointer: str) -> None:
    """Raise :class:`DataError` for a column that no row has, and for one without its braces, at the field."""
    needed = dict.fromkeys(where or (), f"{pointer}/where") | columns_needed(loaded.task)
    for name, at in needed.items():
        if name not in seen:
            raise DataError(
                f"no row has a column {name!r}",
                where=f"{loaded.source}: {at}",
                hint=hint(name, seen, f"there are: {', '.join(sorted(seen)[:20]) or 'none'}"),
            )
    for name, text in answer_templates(loaded.task).items():
        if text.strip() in seen:
            raise DataError(
                "is the same words for every row, and a column is called so",
                where=f"{loaded.source}: /answer/{name}",
                hint=f"{{{text.strip()}}} stands for its cell",
            )


def _nothing(told: RowsRead) -> str:
    unread = len(told.dropped.get("unreadable", ()))
    if told.others and len(told.dropped) == (unread > 0):
        # Of a row that cannot be read nobody knows whether it is of that part.
        beside = f" ({counted(unread, 'rows')} cannot be read)" if unread else ""
        return f"not one of {told.read:,} rows is asked: none has the values of `where`{beside}"
    reasons = ", ".join(f"{reason.replace('_', ' ')} ({len(lines):,})" for reason, lines in told.dropped.items())
    return f"not one of {told.read - told.others:,} rows can be asked: {reasons}"


def _look(told: RowsRead) -> str | None:
    first = next((lines[0] for lines in told.dropped.values()), None)
    hints = {
        "correct_is_no_choice": "; correct_is says what the column holds",
        "cell_without_tests": f"; tests are {TESTS}",
    }
    more = next((hints[reason] for reason in told.dropped if reason in hints), "")
    return None if first is None else f"the first is line {first} of {Path(told.path).name}{more}"


def _same(cell: Any, value: Any) -> bool:
    """Whether a cell has a value of ``where``: cells of a CSV are texts, so a number is compared as it is written."""
    if isinstance(cell, str) and not isinstance(value, str):
        return cell.strip().lower() == str(value).lower()
    return bool(cell == value and isinstance(cell, bool) == isinstance(value, bool))


def _draw(seed: int, id: str) -> bytes:
    return hashlib.blake2b(f"{seed} {id}".encode(), digest_size=8).digest()
