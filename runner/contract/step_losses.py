"""The losses that a program can train with step by step: what each is given beside the targets, and how it is set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class StepLoss:
    """One of them."""

    #: Numbers of each target, by name.
    inputs: tuple[str, ...]
    #: Settings with their defaults; None has none, and has to be given.
    config: Mapping[str, float | None] = field(default_factory=dict)


_DRAWN = ("logprobs", "advantages")
#: The bounds of the ratio.
_CLIP = {"clip_low_threshold": 0.8, "clip_high_threshold": 1.2}
LOSSES: dict[str, StepLoss] = {
    "cross_entropy": StepLoss(("weights",)),
    "importance_sampling": StepLoss(_DRAWN),
    "ppo": StepLoss(_DRAWN, _CLIP),
    "cispo": StepLoss(_DRAWN, _CLIP),
    "dro": StepLoss(_DRAWN, {"beta": None}),
}


@dataclass(frozen=True)
class StepRow:
    """A text whose tokens are learned: one target a token, or several."""

    tokens: list[int]
    #: ``[N]``, or ``[N, K]``: lists of as many as there are tokens.
    targets: list[int] | list[list[int]]
    #: Numbers of the targets' shape, by name.
    given: Mapping[str, list[float] | list[list[float]]]
