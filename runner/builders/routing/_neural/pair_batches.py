"""Scores of many pairs by a network, a few thousand at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

#: Pairs scored at once.
ROWS = 8192


def in_batches(network: Callable[..., torch.Tensor], inputs: tuple[np.ndarray, ...], device: str) -> np.ndarray:
    """What ``network(*inputs)`` gives for each pair, float64 ``[n]``; the inputs are ``[n, ...]`` each."""
    scores = [np.zeros(0)]
    with torch.inference_mode():
        for start in range(0, len(inputs[0]), ROWS):
            parts = (torch.from_numpy(values[start : start + ROWS]).to(device) for values in inputs)
            scores.append(network(*parts).double().cpu().numpy())
    return np.concatenate(scores)
