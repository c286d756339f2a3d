"""What answers a model's turns in training: an environment, and what it makes of a turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class StepResult:
    """What becomes of a model's turn."""

    #: What the turn is worth. An episode is worth the sum over its turns.
    reward: float = 0.0
    #: What the model is told next: a user's text, or turns as ``{"role": ..., "content": ...}``. Nothing is the end.
    next_observation: str | Sequence[Mapping[str, Any]] = ()
    #: Whether the episode is over, whatever there is to be told.
    episode_done: bool = False

    @property
    def ends(self) -> bool:
        """Whether no turn follows."""
        return self.episode_done or not self.next_observation

    @property
    def turns(self) -> list[Mapping[str, Any]]:
        """What the model is told, as turns."""
        told = self.next_observation
        return [{"role": "user", "content": told}] if isinstance(told, str) else list(told)


class Environment:
    """A base for environments of yours; one is made for every answer.

    It need not be the base: whatever is made with ``prompt`` and the row's columns, and has ``step``, will do.
    """

    def __init__(self, prompt: Sequence[Mapping[str, Any]], **columns: Any) -> None:
        """``prompt`` is the prompt's turns, ``columns`` are the row's other cells."""
        self.prompt, self.columns = prompt, columns

    def step(self, message: Mapping[str, Any]) -> StepResult | str | float:
        """What becomes of the model's turn: ``{"role": "assistant", "content": ...}``, with ``"cut": True`` where it
        came to no end.

        A text goes on as a user's turn that is worth nothing; a number ends the episode and is its last reward.
        """
        raise NotImplementedError


def result_of(found: Any) -> StepResult:
    """What ``step`` gave. Raises :class:`TypeError` for what is none."""
    if isinstance(found, StepResult):
        return found
    if isinstance(found, str):
        return StepResult(next_observation=found)
    if isinstance(found, int | float):
        return StepResult(reward=float(found), episode_done=True)
    raise TypeError(f"step gave {type(found).__name__}, and no text, number or StepResult")
