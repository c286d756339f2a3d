"""How far a model is from another in the odds that it gives tokens: KL one way, the other, Jensen-Shannon.

A student is brought near its teacher by them, and a model kept near its reference.
"""

from __future__ import annotations

from typing import Literal

import torch

Divergence = Literal["forward_kl", "reverse_kl", "jsd"]


def divergence(
    student: torch.Tensor, teacher: torch.Tensor, sort: Divergence, temperature: float = 1.0, beta: float = 0.5
) -> torch.Tensor:
    """How far the student is from the teacher, nats, ``[N]``, from logits ``[N, V]`` divided by ``temperature``.

    ``forward_kl`` is ``KL(t || s)`` (Hinton et al., 2015), ``reverse_kl`` ``KL(s || t)`` (Gu et al., "MiniLLM", 2024).
    ``jsd`` is ``beta KL(t || m) + (1 - beta) KL(s || m)`` with ``m = beta t + (1 - beta) s`` (Agarwal et al.,
    "On-Policy Distillation of Language Models", 2024, equation 1). Nothing is multiplied by ``temperature^2`` here.
    """
    own, other = (torch.log_softmax(logits.float() / temperature, dim=-1) for logits in (student, teacher))
    if sort == "forward_kl":
        return _kl(other, own)
    if sort == "reverse_kl":
        return _kl(own, other)
    mixed = torch.logaddexp(other + _log(beta), own + _log(1 - beta))
    return beta * _kl(other, mixed) + (1 - beta) * _kl(own, mixed)


def _kl(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """``KL(one || other)``; a token of no odds at all counts 0."""
    odds = one.exp()
    return (odds * torch.where(odds > 0, one - other, 0)).sum(dim=-1)


def _log(share: float) -> float:
    return float(torch.tensor(share, dtype=torch.float64).log())
