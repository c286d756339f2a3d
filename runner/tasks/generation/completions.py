"""What a language model made of a prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from runner.chat.messages import ToolCall

#: Why an answer ended. ``stop``: by itself, or at a stop text; ``length``: it was cut; ``interrupted``: nobody read on.
Ending = Literal["stop", "length", "interrupted"]
CUT: Ending = "length"


@dataclass(frozen=True)
class Completion:
    """One answer."""

    text: str
    finish_reason: Ending
    #: Tokens that were made, its end included.
    completion_tokens: int
    reasoning: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    #: Each token's text and log-probability, where they were asked for.
    tokens: Sequence[tuple[str, float]] | None = None

    def as_dict(self) -> dict[str, Any]:
        """As the output document has it: keys that say nothing are left out."""
        document: dict[str, Any] = {"completion": self.text}
        if self.reasoning is not None:
            document["reasoning"] = self.reasoning
        if self.tool_calls:
            document["tool_calls"] = [call.as_dict() for call in self.tool_calls]
        document |= {"finish_reason": self.finish_reason, "completion_tokens": self.completion_tokens}
        if self.tokens is not None:
            document["tokens"] = [{"token": text, "log_prob": round(value, 6)} for text, value in self.tokens]
        return document
