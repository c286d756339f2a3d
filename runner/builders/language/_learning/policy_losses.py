"""Losses of tokens that were drawn, by how much better than expected they turned out.

``log_probs``, ``old`` and ``reference`` are float32 ``[N]``: natural logarithms of the odds that the trained model, the
model that drew the tokens and the reference give them. ``advantages`` is float32 ``[N]``. A loss is ``[N]``.
"""

from __future__ import annotations

from typing import Literal

import torch

PolicyLoss = Literal["ppo", "cispo", "importance_sampling"]


def importance_sampling(log_probs: torch.Tensor, old: torch.Tensor, advantages: torch.Tensor) -> torch.Tensor:
    """``-r A`` with the ratio ``r = exp(log_probs - old)``."""
    return -torch.exp(log_probs - old) * advantages


def ppo(log_probs: torch.Tensor, old: torch.Tensor, advantages: torch.Tensor, low: float, high: float) -> torch.Tensor:
    """``-min(r A, clip(r, 1 - low, 1 + high) A)`` (Schulman et al., "Proximal Policy Optimization", 2017, eq. 7)."""
    ratio = torch.exp(log_probs - old)
    return -torch.minimum(ratio * advantages, ratio.clamp(1 - low, 1 + high) * advantages)


def cispo(
    log_probs: torch.Tensor, old: torch.Tensor, advantages: torch.Tensor, low: float, high: float
) -> torch.Tensor:
    """``-clip(r, 1 - low, 1 + high) A log p``, without a gradient through ``r`` (MiniMax, "MiniMax-M1", 2025, eq. 4-5).

    No token loses its gradient by being clipped, as tokens do under :func:`ppo`.
    """
    ratio = torch.exp(log_probs - old).clamp(1 - low, 1 + high).detach()
    return -ratio * advantages * log_probs


def kl_estimate(log_probs: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """``q / p - 1 - log(q / p)``, an unbiased estimate of ``KL(p || q)`` that is never below 0.

    Source: Schulman, "Approximating KL Divergence" (2020), the third; Shao et al., "DeepSeekMath" (2024), equation 4.
    """
    apart = reference - log_probs
    return torch.exp(apart) - apart - 1


def clipped_values(values: torch.Tensor, old: torch.Tensor, returns: torch.Tensor, clip: float) -> torch.Tensor:
    """``max((v - R)^2, (clip(v, old - c, old + c) - R)^2) / 2``, the loss of what tokens are said to be worth.

    Source: Huang et al., "The 37 Implementation Details of Proximal Policy Optimization" (2022), detail 9.
    """
    near = old + (values - old).clamp(-clip, clip)
    return torch.maximum((values - returns) ** 2, (near - returns) ** 2) / 2
