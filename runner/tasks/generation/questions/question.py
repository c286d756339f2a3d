"""One row of a task as it is asked, whatever model is asked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from runner.chat.messages import Conversation, Message
from runner.contract.foreign_code import CodeTest
from runner.tasks.generation.evaluation_sections import EvaluationTask, Perplexity


@dataclass(frozen=True)
class Shot:
    """A row that is shown with its answer."""

    line: int
    prompt: str
    answer: str


@dataclass(frozen=True)
class Question:
    """A row: what is asked, and what is right."""

    file: str
    #: The line in a text file, the row's number in another, from 1.
    line: int
    prompt: str
    #: Of a multiple choice the choices, else the right answers; none where a whole text is foretold.
    answers: tuple[str, ...]
    #: Which of the choices is right; 0 elsewhere.
    correct: int = 0
    #: How many rows before it ask the same.
    repeats: int = 0
    shots: tuple[Shot, ...] = ()
    #: What the code of its answer is tried by, by the ``tests`` of a metric.
    tests: Mapping[str, tuple[CodeTest, ...]] = field(default_factory=dict, hash=False)

    @property
    def content(self) -> str:
        """What makes it the same question as another, hex."""
        told = json.dumps([self.prompt, self.answers, self.correct], ensure_ascii=False)
        return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=10).hexdigest()

    @property
    def id(self) -> str:
        """The same in every order of the rows; of those that ask the same, each has another."""
        return f"{self.content}-{self.repeats}" if self.repeats else self.content

    @property
    def answer(self) -> str:
        """The right answer, the first of them."""
        return self.answers[self.correct] if self.answers else ""

    def with_shots(self, shots: Sequence[Shot]) -> Question:
        return replace(self, shots=tuple(shots))

    def conversation(self, task: EvaluationTask, chat: bool) -> Conversation:
        """What a model is asked: turns of a chat, or one turn that is the text to go on from."""
        if not chat:
            return Conversation((Message("user", self.text(task)),))
        turns = [] if task.system is None else [Message("system", task.system)]
        for shot in self.shots:
            turns += [Message("user", shot.prompt), Message("assistant", shot.answer)]
        return Conversation((*turns, Message("user", self.prompt)))

    def text(self, task: EvaluationTask) -> str:
        """All of it as one text, without an answer."""
        if task.few_shot is None or isinstance(task.answer, Perplexity):
            return self.prompt
        shown = [f"{shot.prompt}{task.answer.before}{shot.answer}" for shot in self.shots]
        return task.few_shot.separator.join([*shown, self.prompt])

    def facts(self) -> dict[str, Any]:
        """What a sample's record says of it."""
        document: dict[str, Any] = {"id": self.id, "file": self.file, "line": self.line}
        return document | ({"few_shot": [shot.line for shot in self.shots]} if self.shots else {})
