"""A person whose answers are written down before: what is asked, what was said, and what was answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runner.wizard.prompt_interface import Command, Question

#: Enter alone.
ENTER = object()


class Scripted:
    """Answers questions in their order, as a prompt would: a choice is among the choices, and every answer is checked.

    An answer is a value, :data:`ENTER`, a word for the wizard (``":back"``), or an exception to be raised. One that
    its question refuses is kept in ``refused``, and the next one is taken.
    """

    def __init__(self, answers: Sequence[Any]) -> None:
        self.answers = list(answers)
        self.questions: list[Question] = []
        self.said: list[str] = []
        self.refused: list[str] = []

    def ask(self, question: Question) -> Any:
        self.questions.append(question)
        while True:
            assert self.answers, f"nothing is left to answer {question.key}: {question.text}"
            answer = self.answers.pop(0)
            if isinstance(answer, BaseException):
                raise answer
            if isinstance(answer, str) and answer.startswith(":"):
                name, _, words = answer[1:].partition(" ")
                raise Command(name, words)
            if answer is ENTER:
                assert question.default is not None or question.optional, f"{question.key} has no default"
                answer = question.default
            if answer is None and question.optional:
                return None
            known = [choice.value for choice in question.choices]
            if question.shape == "choice" and not question.free:
                assert answer in known, f"{question.key}: {answer!r} is none of {known}"
            if question.shape == "several":
                assert set(answer) <= set(known)
            fault = question.check(answer)
            if fault is None:
                return answer
            self.refused.append(fault)

    def say(self, text: str) -> None:
        self.said.append(text)

    @property
    def keys(self) -> list[str]:
        return [question.key for question in self.questions]

    @property
    def text(self) -> str:
        return "\n".join(self.said)
