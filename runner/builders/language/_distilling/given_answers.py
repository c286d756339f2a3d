"""Answers that a teacher gave before, out of a JSON Lines file: found by what was asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runner.chat.messages import Conversation
from runner.contract import TrainContext
from runner.data.records.json_lines import rows
from runner.errors import DataError

HINT = '{"prompt": "...", "answer": "..."} a line; prompt may be the list of turns before the answer'
#: What is asked: role and text of every turn.
Asked = tuple[tuple[str, str], ...]


class GivenAnswers:
    """The answers of a file."""

    def __init__(self, path: str, where: str) -> None:
        """Raises :class:`DataError` by line for what is no answer, and for two answers to one prompt."""
        self._found: dict[Asked, str] = {}
        with Path(path).open("rb") as file:
            for line, row in rows(file, path):
                place = f"{where}/path: {path}:{line}"
                if not isinstance(row, dict):
                    raise DataError(str(row), where=place, hint=HINT)
                asked, answer = _asked(row.get("prompt")), row.get("answer")
                if asked is None or not isinstance(answer, str):
                    raise DataError("the line has no prompt and answer", where=place, hint=HINT)
                if self._found.setdefault(asked, answer) != answer:
                    raise DataError("the prompt has another answer in a line before", where=place)

    def answers(self, prompts: Sequence[Conversation], context: TrainContext) -> list[tuple[str, bool] | None]:
        found = [self._found.get(tuple((turn.role, turn.content) for turn in prompt.messages)) for prompt in prompts]
        return [None if answer is None else (answer, False) for answer in found]


def _asked(prompt: Any) -> Asked | None:
    """What a prompt asks; None for what is none."""
    if isinstance(prompt, str):
        return (("user", prompt),)
    if not isinstance(prompt, list):
        return None
    turns = [turn if isinstance(turn, dict) else {} for turn in prompt]
    said = [(turn.get("role"), turn.get("content")) for turn in turns]
    found = tuple((role, text) for role, text in said if isinstance(role, str) and isinstance(text, str))
    return found if found and len(found) == len(prompt) else None
