"""Losses of tokens, from the odds that a model gives every token of the vocabulary in their places.

``log_probs`` is float32 ``[N, V]``, natural logarithms; ``tokens`` int64 ``[N]``, those that are there; a loss ``[N]``.
"""

from __future__ import annotations

import torch
from torch.nn.functional import normalize, relu


def cross_entropy(log_probs: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """``-log p``."""
    return -log_probs.gather(1, tokens.unsqueeze(1)).squeeze(1)


def label_smoothing(log_probs: torch.Tensor, tokens: torch.Tensor, smoothing: float) -> torch.Tensor:
    """``(1 - e)`` of the token's own and ``e`` of the mean over the vocabulary (Szegedy et al., 2016, section 7)."""
    return (1 - smoothing) * cross_entropy(log_probs, tokens) - smoothing * log_probs.mean(dim=-1)


def focal(log_probs: torch.Tensor, tokens: torch.Tensor, gamma: float) -> torch.Tensor:
    """``-(1 - p)^gamma log p`` (Lin et al., "Focal Loss for Dense Object Detection", 2017, equation 4)."""
    loss = cross_entropy(log_probs, tokens)
    # A token that is all but sure has no odds left to take away, and a power of 0 no gradient that is a number.
    return (-torch.expm1(-loss)).clamp(min=1e-12) ** gamma * loss


def contrastive(vectors: torch.Tensor, rows: torch.Tensor, margin: float) -> torch.Tensor:
    """How alike a row's tokens are, ``[N]``, by their vectors ``[N, width]``.

    ``rows`` (int64 ``[N]``) says which row a token is of. The loss of token ``i`` among those of its row is the mean
    over the others of ``max(0, margin - 1 + cos(i, j))``; that of a token alone is 0. Source: Su et al., "A Contrastive
    Framework for Neural Text Generation" (2022), equation 2, over the tokens that are learned.
    """
    vectors = normalize(vectors.float(), dim=-1)
    found = vectors.new_zeros(len(vectors))
    for row in rows.unique():
        places = (rows == row).nonzero().squeeze(1)
        count = len(places)
        if count > 1:
            near = relu(margin - 1 + vectors[places] @ vectors[places].T)
            apart = near.sum(dim=1) - near.diagonal()
            found = found.index_add(0, places, apart / (count - 1))
    return found
