"""Weights drawn by numpy."""

from __future__ import annotations

from typing import Any


def draw(model: Any, spread: float, seed: int = 0) -> None:
    """Fill a model's matrices from a normal distribution of that standard deviation, one after the other; norms and
    biases stay what they are."""
    import numpy as np
    import torch

    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                drawn = rng.standard_normal(tuple(parameter.shape), dtype=np.float32) * np.float32(spread)
                parameter.copy_(torch.from_numpy(drawn))
