"""Tokens that a language model foretells after others, and how likely it finds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Passage:
    """Token ids, of which those from ``begin`` on are foretold. ``begin`` is 1 or more."""

    ids: list[int]
    begin: int

    @property
    def prompt(self) -> list[int]:
        """What comes before the foretold tokens."""
        return self.ids[: self.begin]


@dataclass(frozen=True)
class Likelihood:
    """How likely the foretold tokens of a passage are."""

    #: The natural logarithm of their probability together.
    log_prob: float
    tokens: int
    #: Whether each of them was the likeliest where it stands.
    likeliest: bool

    def as_dict(self) -> dict[str, Any]:
        return {"log_prob": self.log_prob, "tokens": self.tokens, "likeliest": self.likeliest}
