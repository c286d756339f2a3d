"""What the routers that read the prompt share: its features, and the scores of both sides of a comparison."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from runner.builders.routing._fields.prompt_features import BY_NAME
from runner.builders.routing._prompts.features import NAMES
from runner.builders.routing._prompts.named_features import named_features
from runner.data.comparisons import Comparisons

#: ``score(prompt indices, LLM indices) -> float64``, both int ``[n]``: a network in evaluation mode.
Score = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Standardizer:
    """The prompt features that a model reads, its numbers with the mean and deviation of the training split.

    Of a sparse feature, which is 0 for most prompts, they are those of the values that are not 0.
    """

    def __init__(self, mean: np.ndarray, std: np.ndarray, names: Sequence[str] = NAMES) -> None:
        self.mean = np.asarray(mean, np.float32)
        self.std = np.asarray(std, np.float32)
        self.names = tuple(names)
        if not len(self.mean) == len(self.std) == len(self.names):
            raise ValueError(f"{len(self.names)} features, {len(self.mean)} means, {len(self.std)} deviations")

    @classmethod
    def fit(cls, values: np.ndarray, names: Sequence[str] = NAMES) -> Standardizer:
        """From the training prompts' raw features, float ``[n, F]``. Columns of yes and no stay as they are."""
        mean, std = np.zeros(values.shape[1]), np.ones(values.shape[1])
        known = [BY_NAME[name] for name in names]
        dense = [at for at, feature in enumerate(known) if feature.numeric and not feature.sparse]
        if len(values):
            mean[dense] = values[:, dense].mean(axis=0)
            spread = values[:, dense].std(axis=0)
            std[dense] = np.where(spread > 1e-6, spread, 1.0)
        for at in (at for at, feature in enumerate(known) if feature.sparse):
            present = values[:, at][values[:, at] != 0].astype(np.float64)
            if len(present):
                mean[at] = present.mean()
                # A density's values are small: what is no spread depends on them.
                std[at] = present.std() if present.std() > 1e-6 * present.mean() else present.mean()
        return cls(mean, std, names)

    @classmethod
    def none(cls, names: Sequence[str]) -> Standardizer:
        """One that leaves every feature as it is."""
        return cls(np.zeros(len(names)), np.ones(len(names)), names)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        return ((values - self.mean) / self.std).astype(np.float32)

    def read(self, prompts: Sequence[str], histories: Sequence[Sequence[str]] | None = None) -> np.ndarray:
        """The prompts' features, standardised, float32 ``[len(prompts), F]``."""
        return self(named_features(self.names, prompts, histories))

    def as_json(self) -> dict[str, Any]:
        """What :meth:`from_json` reads, as members of a model's document."""
        named = {} if self.names == NAMES else {"features": list(self.names)}
        return named | {"feature_mean": self.mean.tolist(), "feature_std": self.std.tolist()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Standardizer:
        """A document that names no features has the 45. Raises ``KeyError``, ``TypeError`` or ``ValueError``."""
        names = document.get("features", NAMES)
        if unknown := [name for name in names if name not in BY_NAME]:
            raise ValueError(f"no prompt feature is called {unknown[0]!r}")
        return cls(document["feature_mean"], document["feature_std"], names)


def prompt_features(comparisons: Comparisons, names: Sequence[str] = NAMES) -> np.ndarray:
    """Raw features of every distinct prompt, float32 ``[len(prompts), len(names)]``."""
    return named_features(names, comparisons.prompts, comparisons.histories)


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
