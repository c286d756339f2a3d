"""The answers of ``runner new sft`` as they are kept while it asks, and given again where it goes on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.errors import IntegrityError
from runner.wizard.prompt_interface import Command, Question

WALK = "sft"
VERSION = 1


@dataclass
class WalkAnswers:
    """What was given before the first question, and what was answered since, in that order.

    An entry has a question's key and its answer; one with the key alone is the way back from it. Walked through again,
    they lead to where they ended.
    """

    given: dict[str, Any] = field(default_factory=dict)
    answers: list[list[Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The answers as their file holds them."""
        return {"version": VERSION, "walk": WALK, "given": self.given, "answers": self.answers}

    @classmethod
    def of(cls, saved: Any, path: Path) -> WalkAnswers | None:
        """The answers of a file's content; None where it is a draft of a spec. Raises :class:`IntegrityError`."""
        if not isinstance(saved, dict) or "walk" not in saved:
            return None
        given, answers = saved.get("given"), saved.get("answers")
        if (
            saved["walk"] != WALK
            or saved.get("version") != VERSION
            or not isinstance(given, dict)
            or not isinstance(answers, list)
            or not all(isinstance(each, list) and len(each) in (1, 2) for each in answers)
        ):
            raise IntegrityError("these are no saved answers", where=str(path), hint="begin anew: runner new sft")
        return cls(given, answers)

    def begin_again(self) -> Replay:
        """Take the answers out, to be given again one by one."""
        found, self.answers = self.answers, []
        return Replay(found)


class Replay:
    """Answers questions as they were answered, until one comes that was not, or whose answer is none any more."""

    def __init__(self, answers: list[list[Any]]) -> None:
        self._left = list(answers)

    def __bool__(self) -> bool:
        return bool(self._left)

    def answers(self, question: Question) -> bool:
        """Whether the next answer is one to this question. If not, all that are left are forgotten."""
        if not self._left:
            return False
        key, *answer = self._left[0]
        known = [choice.value for choice in question.choices]
        closed = question.shape == "choice" and not question.free
        fits = key == question.key and (
            not answer
            or (answer[0] is None and question.optional)
            or (answer[0] is not None and question.check(answer[0]) is None and not (closed and answer[0] not in known))
        )
        if not fits:
            self._left.clear()
        return fits

    def take(self) -> Any:
        """The answer. Raises :class:`Command` where it was the way back."""
        _, *answer = self._left.pop(0)
        if not answer:
            raise Command("back")
        return answer[0]
