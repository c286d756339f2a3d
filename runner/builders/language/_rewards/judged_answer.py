"""An answer as rewards see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from runner.chat.messages import Message
from runner.data.dialogues.row_types import PromptRow


@dataclass(frozen=True)
class JudgedAnswer:
    """What the model said to a prompt."""

    row: PromptRow
    #: All that it said last, without what ends an answer; and the same as a turn, reasoning and calls of tools apart.
    text: str
    message: Message
    #: How many tokens the model made, with those that ended a turn.
    tokens: int
    #: Whether it came to no end, or one of its turns did not.
    cut: bool
    #: All turns after the prompt, its own last one too; none where an answer is one turn.
    turns: tuple[Message, ...] = ()
    #: What its environment gave for it; None where there is none that does.
    given: float | None = None


class Judging(Protocol):
    """A reward. What it raises is told with its name, the row and the step."""

    def values(self, answers: Sequence[JudgedAnswer]) -> Sequence[float | None]:
        """What some answers to one prompt are worth, in their order; None where the reward does not apply."""
