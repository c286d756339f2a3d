"""What a linear map reads: embeddings and features around their mean, on one scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runner.builders.routing._linear.linear_fit import LinearMap

#: The variance of all the features together, over that of the embedding.
FEATURE_SHARE = 0.25


@dataclass(frozen=True)
class LinearInputs:
    """All prompts' inputs ``[P, d]``: less their mean over the training prompts, so that an LLM's own term is its mean.

    Features are scaled so that the penalty weighs on them as on an embedding of ``FEATURE_SHARE`` its variance.
    """

    embeddings: np.ndarray  # float32 [P, E]
    features: np.ndarray | None  # float32 [P, F]
    mean: np.ndarray  # float64 [d], before scaling
    scale: np.ndarray  # float64 [d]

    @classmethod
    def of(cls, embeddings: np.ndarray, features: np.ndarray | None, train: np.ndarray) -> LinearInputs:
        """Mean and scale are those of the training prompts, int ``[n]``."""
        mean, scale = embeddings[train].mean(axis=0, dtype=np.float64), np.ones(embeddings.shape[1])
        if features is None:
            return cls(embeddings, None, mean, scale)
        variance = embeddings[train].var(axis=0, dtype=np.float64).sum()
        of_features = features[train].var(axis=0, dtype=np.float64).sum()
        share = np.sqrt(FEATURE_SHARE * variance / of_features) if of_features > 0 else 1.0
        mean = np.concatenate([mean, features[train].mean(axis=0, dtype=np.float64)])
        return cls(embeddings, features, mean, np.concatenate([scale, np.full(features.shape[1], share)]))

    def rows(self, prompts: np.ndarray) -> np.ndarray:
        """float32 ``[n, d]`` of some prompts, int ``[n]``."""
        parts = (
            [self.embeddings[prompts]] if self.features is None else [self.embeddings[prompts], self.features[prompts]]
        )
        return ((np.concatenate(parts, axis=1) - self.mean) * self.scale).astype(np.float32)

    def unfold(self, fitted: LinearMap) -> LinearMap:
        """The same map of embeddings and features as they are."""
        weights = fitted.weights * self.scale
        return LinearMap(weights, fitted.bias - weights @ self.mean)
