"""What a conversation is refused for, by name: the caller adds the line of its row."""

from __future__ import annotations

from typing import Literal

from runner.errors import DataError

Reason = Literal["template refuses", "left out by template", "history rewritten", "no answer", "special token"]
#: Where a spec names the template.
TEMPLATE = "/model/spec/chat/template"


class Unrenderable(DataError):
    """One conversation that the template cannot write, or only so that it would be learned as it is never used.

    ``reason`` is what rows are counted by; ``message`` names the turn.
    """

    def __init__(self, reason: Reason, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.reason: Reason = reason
