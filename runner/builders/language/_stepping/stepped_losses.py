"""Losses of tokens, as sums: a program divides by what it likes.

``p`` is the log-probability of a target now, ``q`` that under the model that drew it, ``A`` its advantage, ``w`` its
weight, ``r = exp(p - q)``. All are float32 of one shape, and a loss is a scalar.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from runner.builders.language._learning import policy_losses
from runner.contract.step_losses import LOSSES

Given = Mapping[str, torch.Tensor]
Config = Mapping[str, float]


def cross_entropy(p: torch.Tensor, given: Given, config: Config) -> torch.Tensor:
    """``-sum w p``"""
    return -(given["weights"] * p).sum()


def importance_sampling(p: torch.Tensor, given: Given, config: Config) -> torch.Tensor:
    """``-sum r A``: the policy gradient, corrected for tokens that another model drew."""
    return policy_losses.importance_sampling(p, given["logprobs"], given["advantages"]).sum()


def ppo(p: torch.Tensor, given: Given, config: Config) -> torch.Tensor:
    """``-sum min(r A, clip(r) A)``; the bounds are those of the ratio."""
    return policy_losses.ppo(p, given["logprobs"], given["advantages"], *_clip(config)).sum()


def cispo(p: torch.Tensor, given: Given, config: Config) -> torch.Tensor:
    """``-sum stopgrad(clip(r)) A p``: what is clipped still has a gradient."""
    return policy_losses.cispo(p, given["logprobs"], given["advantages"], *_clip(config)).sum()


def dro(p: torch.Tensor, given: Given, config: Config) -> torch.Tensor:
    """``-sum (A p - beta/2 (p - q)^2)`` (Richemond et al., "Offline regularised reinforcement learning", 2024)."""
    away = p - given["logprobs"]
    return -(given["advantages"] * p - config["beta"] / 2 * away**2).sum()


def _clip(config: Config) -> tuple[float, float]:
    """How far below and above 1 the ratio may be."""
    return 1 - config["clip_low_threshold"], config["clip_high_threshold"] - 1


FUNCTIONS: dict[str, Callable[[torch.Tensor, Given, Config], torch.Tensor]] = {
    each.__name__: each for each in (cross_entropy, importance_sampling, ppo, cispo, dro)
}
assert FUNCTIONS.keys() == LOSSES.keys()
