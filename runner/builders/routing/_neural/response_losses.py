"""What the encoder, the predictor and the scorer of responses learn from, term by term.

A vector is a response's representation: ``real`` is what the encoder makes of the response, ``predicted`` what the
predictor expects. Both are float ``[B, R]``, and every loss is a scalar: a mean over rows and over components.
"""

from __future__ import annotations

import torch

#: Weight of the pull on the encoder towards what can be predicted.
PREDICTABLE = 0.2
#: Weight of the pull of real vectors towards a standard normal distribution.
NORMAL = 0.01
#: Added to variances, so that a component that does not vary has a logarithm.
SMALL = 1e-6


def prediction(predicted: torch.Tensor, real: torch.Tensor, weight: float) -> torch.Tensor:
    """``weight`` times the squared error of the predicted vectors, and 0.2 times that of the real ones.

    Each pull moves one side: the first the predictor towards what is real, the second the encoder towards what can be
    predicted.
    """
    squared = torch.nn.functional.mse_loss
    return weight * squared(predicted, real.detach()) + PREDICTABLE * squared(real, predicted.detach())


def to_standard_normal(real: torch.Tensor) -> torch.Tensor:
    """The divergence of the batch's vectors from N(0, 1), component by component: ``(m^2 + v - log v - 1) / 2``.

    Kullback and Leibler's, of the normal distribution with the batch's mean ``m`` and variance ``v`` (Kingma and
    Welling, "Auto-encoding variational Bayes", 2014, appendix B).
    """
    mean, variance = moments(real)
    return 0.5 * (mean**2 + variance - variance.log() - 1).mean()


def between(predicted: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """The divergence of the batch's predicted vectors from its real ones, as normal distributions, by component.

    ``(log(v_real / v_predicted) + (v_predicted + (m_predicted - m_real)^2) / v_real - 1) / 2``.
    """
    (mean_p, variance_p), (mean_r, variance_r) = moments(predicted), moments(real)
    ratio = (variance_p + (mean_p - mean_r) ** 2) / variance_r
    return 0.5 * (variance_r.log() - variance_p.log() + ratio - 1).mean()


def consistency(of_predicted: torch.Tensor, of_real: torch.Tensor) -> torch.Tensor:
    """The squared error of scores ``[B]`` of predicted vectors against those of the real ones, which stay."""
    return torch.nn.functional.mse_loss(of_predicted, of_real.detach())


def warmth(steps: int, warmup_steps: int) -> float:
    """The weight of the ranking by predicted vectors: from 0 at the first step to 1 after the warm-up."""
    return 1.0 if steps >= warmup_steps else steps / warmup_steps


def moments(vectors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and variance of each component over the batch, ``[R]`` twice."""
    return vectors.mean(dim=0), vectors.var(dim=0, correction=0) + SMALL
