"""An answer as rewards see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from runner.chat.messages import Message
from runner.data.dialogues.rows import PromptRow


@dataclass(frozen=True)
class JudgedAnswer:
    """What the model said to a prompt."""

    row: PromptRow
    #: All that it said, without what ends an answer; and the same as a turn, reasoning and calls of tools apart.
    text: str
    message: Message
    #: How many tokens that is, with the one that ended it.
    tokens: int
    #: Whether it came to no end.
    cut: bool


class Judging(Protocol):
    """A reward. What it raises is told with its name, the row and the step."""

    def values(self, answers: Sequence[JudgedAnswer]) -> Sequence[float | None]:
        """What some answers to one prompt are worth, in their order; None where the reward does not apply."""
