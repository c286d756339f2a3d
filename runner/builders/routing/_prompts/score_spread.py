"""How far a router's scores vary: a network whose scores are all alike has learned nothing, or has collapsed."""

from __future__ import annotations

import numpy as np

from runner.builders.routing._prompts.prompted import Score
from runner.contract import TrainContext

#: Prompts that are looked at, held-out ones where there are any.
MOST_PROMPTS = 256
#: Beside a seed: those prompts.
SALT = 0x76


def score_spread(score: Score, context: TrainContext) -> dict[str, float]:
    """The variance of the scores among the LLMs on a prompt, and of an LLM among the prompts, means over the others."""
    prompts, n_models = spread_prompts(context), len(context.data.train.models)
    table = score(np.tile(prompts, n_models), np.repeat(np.arange(n_models), len(prompts)))
    return variances(table.reshape(n_models, len(prompts)))


def spread_prompts(context: TrainContext) -> np.ndarray:
    """Numbers of the prompts that are looked at, int64, the same after every epoch."""
    held = context.data.validation if len(context.data.validation) else context.data.train
    prompts = np.unique(held.prompt).astype(np.int64)
    if len(prompts) <= MOST_PROMPTS:
        return prompts
    return np.sort(np.random.default_rng([context.seed, SALT]).choice(prompts, MOST_PROMPTS, replace=False))


def variances(table: np.ndarray) -> dict[str, float]:
    """Of a table of scores, float ``[LLMs, prompts]``."""
    return {
        "score_variance/llms": float(table.var(axis=0).mean()),
        "score_variance/prompts": float(table.var(axis=1).mean()),
    }
