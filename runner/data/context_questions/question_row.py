"""A question on a text with its answers, as kinds get it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from runner.data.holdout import text_key


@dataclass(frozen=True, slots=True)
class GoldAnswer:
    """An answer: ``context[start : start + len(text)] == text``. ``start`` counts characters (code points) from 0."""

    text: str
    start: int

    @property
    def end(self) -> int:
        """The place of the first character behind it."""
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """A question. Without answers it is one that its context does not answer."""

    #: Its line (text), its number (Parquet, Arrow), or which question of a nested file it is: from 1.
    line: int
    context: str
    question: str
    answers: tuple[GoldAnswer, ...]
    id: str | int | None = None
    title: str | None = None

    @property
    def answerable(self) -> bool:
        """Whether the context has an answer."""
        return bool(self.answers)

    @property
    def texts(self) -> tuple[str, ...]:
        """The answers' texts."""
        return tuple(answer.text for answer in self.answers)

    def content_key(self) -> int:
        """A number of 64 bits for everything that the row says."""
        answers = [[answer.text, answer.start] for answer in self.answers]
        return text_key(json.dumps([self.context, self.question, answers], ensure_ascii=False))

    def context_key(self) -> int:
        """A number of 64 bits for its context, whatever the case and the blanks in it."""
        return text_key(" ".join(self.context.split()).casefold())
