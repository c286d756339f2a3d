"""Hand-made outcomes that policies are measured on."""

from __future__ import annotations

from typing import Any

import numpy as np

from runner.tasks.ranking.offered_answers import Offered

MODELS = ("small", "middle", "large")
#: Costs of a call.
COSTS = np.array([1.0, 2.0, 5.0])


def matrix(prompts: int = 60, seed: int = 0, **changes: Any) -> Offered:
    """Every LLM answered every prompt; the larger, the better, on average."""
    rng = np.random.default_rng(seed)
    quality = (rng.random((prompts, 3)) < [0.3, 0.5, 0.7]).astype(float)
    told: dict[str, Any] = {
        "models": MODELS,
        "quality": quality,
        "cost": np.tile(COSTS, (prompts, 1)),
        "allowed": np.ones((prompts, 3), bool),
        "trained": np.array([0.3, 0.5, 0.7]),
        "price": np.tile(COSTS, (prompts, 1)),
        "rows": np.arange(prompts),
        "scored": True,
    } | changes
    return Offered(**told)


def without_costs(prompts: int = 60) -> Offered:
    return matrix(prompts, cost=np.full((prompts, 3), np.nan), price=None)


def votes(prompts: int = 60, seed: int = 0) -> Offered:
    """On each prompt two of the three LLMs were compared, and one won."""
    rng = np.random.default_rng(seed)
    quality = np.full((prompts, 3), np.nan)
    for row in quality:
        a, b = sorted(rng.choice(3, 2, replace=False))
        won = float(rng.random() < 0.3)
        row[a], row[b] = won, 1 - won
    nothing = np.full((prompts, 3), np.nan)
    return matrix(prompts, quality=quality, cost=nothing, price=None, allowed=~np.isnan(quality), scored=False)
