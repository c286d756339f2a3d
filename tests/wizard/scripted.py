"""Somebody who answers from a script: by key, else the default; and what was asked of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from runner.errors import Interrupted
from runner.spec import pointers
from runner.wizard.conversation import Conversation, Ended
from runner.wizard.draft import Draft, SavedDraft
from runner.wizard.prompt_interface import Command, Question, Unanswered, checked
from runner.wizard.session import Session
from runner.workspace import Workspace

#: A question that nobody has an answer to ends a test, and not in a loop.
MOST = 2000


class Scripted:
    """Answers by ``answers`` (by key; a function gets the question), else the default. Keeps what it was asked."""

    def __init__(self, answers: Mapping[str, Any] | None = None, otherwise: Callable[[Question], Any] | None = None):
        self.answers = dict(answers or {})
        self._otherwise = otherwise
        self.asked: list[Question] = []
        self.said: list[str] = []

    def ask(self, question: Question) -> Any:
        self.asked.append(question)
        assert len(self.asked) < MOST, f"asked over and over: {[each.key for each in self.asked[-5:]]}"
        answer = self.answer(question)
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, str) and answer.startswith(":"):
            name, _, words = answer[1:].partition(" ")
            raise Command(name, words)
        if answer is not None or question.optional:
            return checked(question, answer)
        assert question.default is not None, f"{question.key} has no default, and the script no answer"
        return question.default

    def answer(self, question: Question) -> Any:
        if question.key in self.answers:
            found = self.answers[question.key]
            if isinstance(found, list) and found and isinstance(found[0], Turn):
                return found.pop(0).answer if len(found) > 1 else found[0].answer
            return found(question) if callable(found) else found
        if self._otherwise is not None:
            return self._otherwise(question)
        return question.default

    def say(self, text: str) -> None:
        self.said.append(text)

    @property
    def keys(self) -> list[str]:
        return [question.key for question in self.asked]


class Turn:
    """One of several answers to a question that is asked more than once; the last one stays."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer


def converse(asker: Scripted, draft: Draft | None = None, saved: SavedDraft | None = None, **more: Any) -> Ended:
    """A conversation in the current folder, to its end."""
    return conversation(asker, draft, saved, **more).run()


def conversation(
    asker: Scripted, draft: Draft | None = None, saved: SavedDraft | None = None, **more: Any
) -> Conversation:
    return Conversation(asker, draft or Draft(), Session(Workspace.current()), saved=saved, **more)


def from_example(document: Mapping[str, Any]) -> Callable[[Question], Any]:
    """Answers as the author of a spec would: what it has of a field, and that it is there; else the default."""

    def answer(question: Question) -> Any:
        key = question.key
        if key == "more" or key.startswith("group:"):
            return True
        if key == "start":
            return False
        if key == "split" or not key.startswith("/"):
            return question.default
        if key.endswith("?"):
            found = pointers.get(document, key[:-1])
            if question.shape == "yes_no":
                return isinstance(found, dict) or (question.default if found is None else False)
            return "fields of its own" if isinstance(found, dict) else question.default if found is None else found
        section, plus, at = key.partition("+")
        if plus:
            names = list(pointers.get(document, section) or ())
            return names[int(at)] if int(at) < len(names) else None
        nothing = object()
        found = pointers.get(document, key, nothing)
        return question.default if found is nothing else found

    return answer


__all__ = ["Command", "Interrupted", "Scripted", "Turn", "Unanswered", "conversation", "converse", "from_example"]
