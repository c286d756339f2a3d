"""A stored dense network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from runner.builders.routing._neural.score_matrix import score_prompts
from runner.builders.routing._prompts.prompt_inputs import PromptReader
from runner.builders.routing.dense_network.stored import StoredDense
from runner.tasks.ranking.llm_predictor import LlmPredictor


class Predictor(LlmPredictor):
    """The stored network with its own copy of the encoder."""

    def __init__(self, stored: StoredDense, directory: Path, device: str) -> None:
        self._stored, self._network, self._device = stored, stored.network(device), device
        self._reader = PromptReader(directory, stored.standardize, device)

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> Predictor:
        """Read what :func:`train` wrote. Raises :class:`IntegrityError` for anything else."""
        return cls(StoredDense.read(directory), directory, device)

    @property
    def models(self) -> Sequence[str]:
        return self._stored.names

    def use_cache(self, cache: Path) -> None:
        """Take prompts' embeddings from the cache folder where it has them."""
        self._reader.use_cache(cache)

    def score_llms(
        self,
        prompts: Sequence[str],
        models: Sequence[str],
        batch_size: int = 128,
        *,
        histories: Sequence[Sequence[str]] | None = None,
        tags: Any = None,
    ) -> np.ndarray:
        """float64 ``[len(models), len(prompts)]`` in [-1, 1]; a row of NaN for an LLM unseen in training."""
        first, place, embeddings = self._reader.read(prompts, histories, batch_size)
        features = self._reader.features(prompts, histories, first)
        known = [row for row, name in enumerate(models) if name in self._stored.index]
        scores = np.full((len(models), len(first)), np.nan)
        with torch.inference_mode():
            llms = self._network.llm_side()[[self._stored.index[models[row]] for row in known]]
        scores[known] = score_prompts(self._network, embeddings, features, llms)
        return scores[:, place]
