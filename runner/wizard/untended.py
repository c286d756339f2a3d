"""Nobody is asked: every default is taken, and what has none is noted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runner.wizard.asking import Question, Unanswered


class Untended:
    """Takes defaults. ``missing`` are the questions that had none, in their order."""

    def __init__(self, say: Callable[[str], None] = lambda text: None) -> None:
        self.missing: list[Question] = []
        self._say = say

    def ask(self, question: Question) -> Any:
        if (question.default is None or question.guessed) and not question.optional:
            self.missing.append(question)
            raise Unanswered
        return None if question.guessed else question.default

    def say(self, text: str) -> None:
        self._say(text)
