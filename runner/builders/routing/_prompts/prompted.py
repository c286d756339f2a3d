"""What the routers that read the prompt share: its features, and the scores of both sides of a comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from runner.builders.routing._prompts.features import NUMERIC, features
from runner.data.comparisons import Comparisons

#: ``score(prompt indices, LLM indices) -> float64``, both int ``[n]``: a network in evaluation mode.
Score = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Standardizer:
    """Zero mean and unit variance for the numeric prompt features, as the training split has them."""

    def __init__(self, mean: np.ndarray, std: np.ndarray) -> None:
        self.mean = np.asarray(mean, np.float32)
        self.std = np.asarray(std, np.float32)

    @classmethod
    def fit(cls, values: np.ndarray) -> Standardizer:
        """From the training prompts' raw features, float ``[n, 45]``. The other columns stay as they are."""
        mean, std = np.zeros(values.shape[1]), np.ones(values.shape[1])
        if len(values):
            mean[NUMERIC] = values[:, NUMERIC].mean(axis=0)
            spread = values[:, NUMERIC].std(axis=0)
            std[NUMERIC] = np.where(spread > 1e-6, spread, 1.0)
        return cls(mean, std)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        return ((values - self.mean) / self.std).astype(np.float32)


def prompt_features(comparisons: Comparisons) -> np.ndarray:
    """Raw features of every distinct prompt, float32 ``[len(prompts), 45]``."""
    return features(comparisons.prompts, comparisons.histories)


def distinct_prompts(
    prompts: Sequence[str], histories: Sequence[Sequence[str]] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Where each distinct (prompt, history) stands first, int64 ``[D]``, and which of them each one is, ``[P]``.

    However often a prompt is asked about, it is encoded once.
    """
    seen: dict[Any, int] = {}
    first: list[int] = []
    place = np.empty(len(prompts), np.int64)
    for at, prompt in enumerate(prompts):
        key = prompt if histories is None else (prompt, tuple(histories[at]))
        number = seen.setdefault(key, len(seen))
        if number == len(first):
            first.append(at)
        place[at] = number
    return np.array(first, np.int64), place


def score_rows(score: Score, comparisons: Comparisons) -> tuple[np.ndarray, np.ndarray]:
    """The scores of both sides of every comparison, float64 ``[n]`` twice."""
    return (
        score(comparisons.prompt, comparisons.model_a),
        score(comparisons.prompt, comparisons.model_b),
    )
