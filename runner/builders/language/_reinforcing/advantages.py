"""How much better than expected an answer, or a token of one, turned out."""

from __future__ import annotations

from typing import Literal

import numpy as np

#: What is added to a spread that is divided by, as in TRL.
EPSILON = 1e-4
#: Rewards that are no further apart are equal.
SAME = 1e-8
Scale = Literal["group", "batch", "none"]
Baseline = Literal["mean", "others"]


def of_groups(rewards: np.ndarray, scale: Scale, baseline: Baseline) -> np.ndarray:
    """The advantages of answers, float64 ``[groups, n]``, from their rewards; NaN, which has none, gives 0.

    An answer is compared with the ``mean`` of its group (Shao et al., "DeepSeekMath", 2024, section 4.1), or with that
    of the ``others`` in it (Kool et al., "Buy 4 REINFORCE Samples, Get a Baseline for Free", 2019; Ahmadian et al.,
    2024: RLOO). It is divided by the spread of the group's rewards, of all of them, or not at all.
    """
    there = ~np.isnan(rewards)
    count = there.sum(axis=1, keepdims=True)
    mean = np.where(there, rewards, 0.0).sum(axis=1, keepdims=True) / np.maximum(count, 1)
    found = np.where(there, rewards - mean, 0.0)
    if baseline == "others":
        found = found * count / np.maximum(count - 1, 1)
    if scale == "group":
        found = found / (spread(rewards) + EPSILON)
    elif scale == "batch":
        found = found / (spread(rewards.reshape(1, -1)) + EPSILON)
    result: np.ndarray = np.where(there, found, 0.0)
    return result


def spread(rewards: np.ndarray) -> np.ndarray:
    """The standard deviation of each group (over ``n - 1``), ``[groups, 1]``; 0 for one reward, and for none."""
    there = ~np.isnan(rewards)
    count = there.sum(axis=1, keepdims=True)
    mean = np.where(there, rewards, 0.0).sum(axis=1, keepdims=True) / np.maximum(count, 1)
    squares = np.where(there, (rewards - mean) ** 2, 0.0).sum(axis=1, keepdims=True)
    found: np.ndarray = np.sqrt(squares / np.maximum(count - 1, 1))
    return found


def equal(rewards: np.ndarray) -> np.ndarray:
    """Whether all rewards of each group are the same, so that nothing is learned of it: bool ``[groups]``."""
    return spread(rewards)[:, 0] <= SAME


def of_tokens(rewards: np.ndarray, values: np.ndarray, gamma: float, decay: float) -> tuple[np.ndarray, np.ndarray]:
    """Advantages and returns of an answer's tokens, float64 ``[T]`` each, from what each brings and what is expected.

    ``A_t`` is the sum over ``l`` of ``(gamma decay)^l d_{t+l}`` with ``d_t = r_t + gamma v_{t+1} - v_t``, where nothing
    comes after the last; the return is ``A_t + v_t``. Source: Schulman et al., "High-Dimensional Continuous Control
    Using Generalized Advantage Estimation" (2016), equation 16.
    """
    found, after, following = np.zeros(len(rewards)), 0.0, 0.0
    for at in range(len(rewards) - 1, -1, -1):
        after = rewards[at] + gamma * following - values[at] + gamma * decay * after
        found[at], following = after, float(values[at])
    return found, found + values


def whitened(values: np.ndarray) -> np.ndarray:
    """The same with a mean of 0 and a variance of 1, ``[N]``."""
    if len(values) < 2:
        return values - values.mean() if len(values) else values
    result: np.ndarray = (values - values.mean()) / np.sqrt(values.var(ddof=1) + 1e-8)
    return result
