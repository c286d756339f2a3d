"""Nobody is asked: every default is taken, and what has none is noted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runner.wizard.prompt_interface import Question, Unanswered, shown


def _nothing(text: str) -> None:
    """Nobody reads it."""


class Untended:
    """Takes defaults. ``missing`` are the questions that had none, in their order.

    ``say`` gets what a person would read between questions, ``note`` which defaults were taken that should be known.
    """

    def __init__(self, say: Callable[[str], None] = _nothing, note: Callable[[str], None] = _nothing) -> None:
        self.missing: list[Question] = []
        self._say, self._note = say, note

    def ask(self, question: Question) -> Any:
        if (question.default is None or question.guessed) and not question.optional:
            self.missing.append(question)
            raise Unanswered
        if question.said and not question.guessed:
            self._note(f"{question.key} is {shown(question.default)}: {question.why}")
        return None if question.guessed else question.default

    def say(self, text: str) -> None:
        self._say(text)

    @property
    def lacks(self) -> list[str]:
        """What has to be given, by the fields' pointers."""
        found = [question.key.partition("+")[0].removesuffix("?") for question in self.missing]
        return [key for key in dict.fromkeys(found) if key != "family"]
