"""One model on one task: figures over the rows that it answered, and a record of every one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runner.errors import DataError
from runner.tasks.generation.answer_metrics.figures import Figure
from runner.tasks.generation.evaluation_sections import EvaluationTask
from runner.tasks.generation.questions.question import Question
from runner.tasks.generation.scored.asked_model import AskedModel

#: Decimals of a score in a record.
DECIMALS = 6


@dataclass
class Asked:
    """The questions that a model can be asked; of the others, their lines by reason."""

    questions: list[Question] = field(default_factory=list)
    #: What the model is given for each: passages of a way of answering, or a row.
    given: list[Any] = field(default_factory=list)
    dropped: dict[str, list[int]] = field(default_factory=dict)
    #: The files of those, and what is said of the first of a reason.
    _files: dict[str, None] = field(default_factory=dict)
    _more: list[str] = field(default_factory=list)

    def take(self, question: Question, given: Any) -> None:
        self.questions.append(question)
        self.given.append(given)

    def drop(self, question: Question, reason: str, more: str = "") -> None:
        """Leave a question out. ``more`` is what can be said of it beside the reason."""
        lines = self.dropped.setdefault(reason.replace(" ", "_"), [])
        lines.append(question.line)
        self._files.setdefault(question.file)
        if len(lines) == 1 and more:
            self._more.append(f"line {question.line} {more}")

    def check(self, task: EvaluationTask, model: AskedModel) -> None:
        """Raise :class:`DataError` where not one question is left."""
        if not self.questions:
            reasons = ", ".join(
                f"{reason.replace('_', ' ')} ({len(each):,}: {lines_told(each)})"
                for reason, each in self.dropped.items()
            )
            raise DataError(
                f"{model.reference} can be asked none of the rows of {', '.join(self._files)}: {reasons}",
                where=task.name,
                hint="; ".join(self._more) or None,
            )


def lines_told(lines: Sequence[int]) -> str:
    """``line 8``, or ``lines 1, 2, 3, 4, 5 ...``: the first of them."""
    return f"line{'s' * (len(lines) > 1)} {', '.join(map(str, lines[:5]))}{' ...' * (len(lines) > 5)}"


@dataclass(frozen=True)
class ScoredTask:
    """What came of it."""

    questions: Sequence[Question]
    figures: Sequence[Figure]
    #: What the model was given and what it said, a document a question; the scores are added here.
    records: Sequence[dict[str, Any]]
    dropped: Mapping[str, Sequence[int]]
    #: Answers that were cut, by question.
    truncated: Sequence[bool]

    def __post_init__(self) -> None:
        for figure in self.figures:
            each = figure.each
            for at, record in enumerate(self.records):
                value = rounded(each[at])
                record.setdefault("scores", {})[figure.measure.metric] = value
                if figure.ends is not None:
                    record.setdefault("code", {})[figure.measure.metric] = figure.ends[at]
                if figure.unread is not None and figure.unread[at]:
                    record.setdefault("unread", []).append(figure.measure.metric)


def rounded(value: float) -> float | None:
    """A number for a document: rounded, and None for one that is none."""
    return round(float(value), DECIMALS) + 0.0 if math.isfinite(value) else None
