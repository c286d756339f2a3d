"""Losses of tokens, as sums: a program divides by what it likes.

``p`` is the log-probability of a target now, ``q`` that under the model that drew it, ``A`` its advantage, ``w`` its
weight, ``r = exp(p - q)``. All are float32 of one shape, and a loss is a scalar.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from runner.contract.step_losses import LOSSES

Given = Mapping[str, torch.Tensor]
Config = Mapping[str, float]


def cross_entropy(p: torch.Tensor, given: Given, config: Config) -> torch.Tensor:
    """``-sum w p``"""
    return -(given["weights"] * p).sum()


def importance_sampling(p: torch.Tensor, given: Given, config: Config) -> torch.Tensor:
    """``-sum r A``: the policy gradient, corrected for tokens that another model drew."""
    return -(torch.exp(p - given["logprobs"]) * given["advantages"]).sum()


def ppo(p: torch.Tensor, given: Given, config: Config) -> torch.Tensor:
    """``-sum min(r A, clip(r) A)`` (Schulman et al., 2017, equation 7); the bounds are those of the ratio."""
    ratio, advantages = torch.exp(p - given["logprobs"]), given["advantages"]
    return -torch.minimum(ratio * advantages, _clipped(ratio, config) * advantages).sum()


def cispo(p: torch.Tensor, given: Given, config: Config) -> torch.Tensor:
    """``-sum stopgrad(clip(r)) A p`` (MiniMax-M1, 2025, equation 4): what is clipped still has a gradient."""
    ratio = torch.exp(p - given["logprobs"]).detach()
    return -(_clipped(ratio, config) * given["advantages"] * p).sum()


def dro(p: torch.Tensor, given: Given, config: Config) -> torch.Tensor:
    """``-sum (A p - beta/2 (p - q)^2)`` (Richemond et al., "Offline regularised reinforcement learning", 2024)."""
    away = p - given["logprobs"]
    return -(given["advantages"] * p - config["beta"] / 2 * away**2).sum()


def _clipped(ratio: torch.Tensor, config: Config) -> torch.Tensor:
    return ratio.clamp(config["clip_low_threshold"], config["clip_high_threshold"])


FUNCTIONS: dict[str, Callable[[torch.Tensor, Given, Config], torch.Tensor]] = {
    each.__name__: each for each in (cross_entropy, importance_sampling, ppo, cispo, dro)
}
assert FUNCTIONS.keys() == LOSSES.keys()
