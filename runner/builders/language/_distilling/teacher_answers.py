"""What a teacher says to the prompts of the data: asked once, kept, and put in place of the data's last answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from runner.builders.language._distilling.endpoint_teacher import AskedEndpoint
from runner.builders.language._distilling.given_answers import GivenAnswers
from runner.builders.language._distilling.local_teacher import AskedModel
from runner.builders.language._distilling.templates import turned, turned_rows
from runner.builders.language._fields.teacher_fields import AnswersTeacher, EndpointTeacher
from runner.builders.language._rows.row_report import RowReport
from runner.chat.messages import Conversation, Message
from runner.contract import TrainContext
from runner.data.dialogues.row_types import ConversationRow
from runner.errors import DataError

#: Why a row has no answer that can be learned.
CUT, NONE = (
    "left out, as the teacher's answer does not end within max_new_tokens", "left out, as the teacher has no answer"
)  # fmt: skip


class Answering(Protocol):
    """A teacher that answers in text."""

    def answers(self, prompts: Sequence[Conversation], context: TrainContext) -> list[tuple[str, bool] | None]:
        """To every prompt its answer and whether that was cut; None where there is none."""


def answered_rows(
    spec: Any, context: TrainContext, parts: Sequence[Sequence[ConversationRow]]
) -> tuple[Iterable[ConversationRow], Iterable[ConversationRow]]:
    """The rows to learn with the teacher's answers, and the held-out rows with the data's own.

    Rows without an answer that can be learned are left out and told. Raises :class:`DataError` where they are more than
    ``data.max_rows_lost`` allows.
    """
    taught, where = spec.taught(), f"/model/spec{spec.taught_at}/teacher"
    teacher = _opened(taught.teacher, f"{spec.taught_at}/teacher", context)
    asked = [row.conversation.with_messages(row.conversation.messages[:-1]) for row in parts[0]]
    # Every process has the same rows: the first asks, and the others find what it kept.
    with context.processes.first_before():
        found = teacher.answers([turned(prompt, taught.teacher_template) for prompt in asked], context)
    rows: list[ConversationRow] = []
    report = RowReport("train", read=len(parts[0]))
    for row, prompt, answer in zip(parts[0], asked, found, strict=True):
        if answer is not None and answer[1]:
            report.count(CUT, row.line)
        elif answer is None or not answer[0].strip():
            report.count(NONE, row.line)
        else:
            read = turned(prompt, taught.student_template)
            answered = [*read.messages, Message("assistant", answer[0])]
            rows.append(replace(row, conversation=prompt.with_messages(answered)))
    _tell(report, context, where, _mend(taught.teacher))
    return rows, turned_rows(parts[1], taught.student_template)


def _opened(teacher: Any, place: str, context: TrainContext) -> Answering:
    where = f"/model/spec{place}"
    if isinstance(teacher, EndpointTeacher):
        return AskedEndpoint(teacher, where)
    if isinstance(teacher, AnswersTeacher):
        return GivenAnswers(teacher.path, where)
    return AskedModel(teacher, place)


def _mend(teacher: Any) -> str:
    """What gives more rows an answer: a file is written to, a model is given more room."""
    if isinstance(teacher, AnswersTeacher):
        return f"add the answers of these rows to {teacher.path}, with their prompts as the data has them"
    return "a greater max_new_tokens, or another teacher"


def _tell(report: RowReport, context: TrainContext, where: str, mend: str) -> None:
    sentences, count = report.sentences(), report.read
    for sentence in sentences:
        context.emit("warning", message=sentence, pointer=where)
    without = sum(report.counts.values())
    if without == count or without > context.data.most_lost * count:
        raise DataError(
            f"{without:,} of {count:,} rows have no answer to learn: {'; '.join(sentences)}",
            where=where,
            hint=mend
            + ("" if without == count else "; or a greater data.max_rows_lost, to learn from the others alone"),
        )
