"""What a user's function says of answers: out of a file, or of a module of an installed package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runner.builders.language._rewards.judged_answer import JudgedAnswer
from runner.builders.language._rewards.user_functions import file_of, opened

HINT = "def reward(prompts, completions, **columns): return [1.0 for each in completions]"


class Function:
    """It is called for the answers to one prompt, with lists of one length: ``prompts`` (each its turns),
    ``completions`` (texts) and every column beside the prompt; it gives a list of as many numbers."""

    def __init__(self, section: Any, place: str) -> None:
        """Raises :class:`DataError` for another content than the spec says, and what has no such function."""
        (self._function,), self.sha256 = opened(section, place, [section.function], "function", HINT)
        #: Where it stands, for a message of what it raises.
        self.file = file_of(section)

    def values(self, answers: Sequence[JudgedAnswer]) -> Sequence[float | None]:
        row, count = answers[0].row, len(answers)
        turns: list[dict[str, Any]] = row.prompt.as_dict()["messages"]
        words: dict[str, Any] = {name: [value] * count for name, value in row.beside.items()}
        words |= {"prompts": [turns] * count, "completions": [answer.text for answer in answers]}
        if answers[0].turns:
            words["turns"] = [[turn.as_dict() for turn in answer.turns] for answer in answers]
        found = self._function(**words)
        if hasattr(found, "tolist"):
            found = found.tolist()
        if not isinstance(found, list | tuple):
            raise TypeError(f"it gave {type(found).__name__}, and no list of numbers")
        return found
