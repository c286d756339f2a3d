"""The first questions of training as a table."""

from __future__ import annotations

from collections.abc import Sequence

from runner.contract import Table
from runner.data.context_questions.question_row import QuestionRow

#: Characters on each side of an answer that are shown of its context.
AROUND = 40


def preview(rows: Sequence[QuestionRow], count: int) -> Table:
    """A line for every question, with its answers and what stands around the first of them."""
    cells = [
        (row.line, row.question, " | ".join(dict.fromkeys(row.texts)) or None, around(row)) for row in rows[:count]
    ]
    return Table("rows", "Training rows", ("line", "question", "answers", "context"), cells)


def around(row: QuestionRow) -> str:
    """The piece of a context that the first answer stands in, or its beginning where there is none."""
    if not row.answers:
        return piece(row.context, 0, 0)
    return piece(row.context, row.answers[0].start, row.answers[0].end)


def piece(context: str, start: int, end: int) -> str:
    """What stands from ``start`` to ``end`` and around it, on one line."""
    first, last = max(0, start - AROUND), min(len(context), end + AROUND)
    shown = " ".join(context[first:last].split())
    return ("... " if first else "") + shown + (" ..." if last < len(context) else "")
