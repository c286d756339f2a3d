"""Losses of two answers to a prompt from their log-likelihoods. Tensors ``[B]``."""

from __future__ import annotations

import torch
from torch.nn.functional import logsigmoid, relu


def dpo(margin: torch.Tensor, loss_type: str, beta: float, smoothing: float = 0.0) -> torch.Tensor:
    """The loss of each pair by the margin of its log ratios: how much more than its reference the model prefers chosen.

    ``margin`` is ``(log p(chosen) - log ref(chosen)) - (log p(rejected) - log ref(rejected))``; of ``ipo`` the
    log-likelihoods are means over tokens. ``sigmoid``: Rafailov et al. (2023), equation 7, with label smoothing as in
    its section 4 of Mitchell (2023); ``hinge``: Zhao et al. (2023); ``ipo``: Azar et al. (2023), equation 17;
    ``robust``: Chowdhury et al. (2024), equation 6.
    """
    if loss_type == "hinge":
        return relu(1 - beta * margin)
    if loss_type == "ipo":
        return (margin - 1 / (2 * beta)) ** 2
    wrong, right = -logsigmoid(-beta * margin), -logsigmoid(beta * margin)
    if loss_type == "robust":
        return ((1 - smoothing) * right - smoothing * wrong) / (1 - 2 * smoothing)
    return (1 - smoothing) * right + smoothing * wrong


def bradley_terry(
    chosen: torch.Tensor, rejected: torch.Tensor, margin: torch.Tensor, center: float | None = None
) -> torch.Tensor:
    """The loss of each pair's rewards, ``-log sigmoid(chosen - rejected - margin)``: Ouyang et al. (2022), equation 1.

    ``center`` weighs the squared sum of a pair's rewards (Eisenstein et al., 2023, section 3).
    """
    loss = -logsigmoid(chosen - rejected - margin)
    return loss if center is None else loss + center * (chosen + rejected) ** 2


def odds_ratio(chosen: torch.Tensor, rejected: torch.Tensor) -> torch.Tensor:
    """The log of the odds of the chosen answer over those of the rejected one: Hong et al. (2024), equation 4.

    ``chosen`` and ``rejected`` are mean log-likelihoods a token, below 0.
    """
    return (chosen - rejected) - (_log_complement(chosen) - _log_complement(rejected))


def _log_complement(log_p: torch.Tensor) -> torch.Tensor:
    """``log(1 - exp(log_p))``, for ``log_p`` below 0 (Maechler, 2012)."""
    log_p = log_p.clamp(max=-1e-7)
    near = log_p > -0.6931472
    return torch.where(near, torch.log(-torch.expm1(log_p)), torch.log1p(-torch.exp(log_p)))
