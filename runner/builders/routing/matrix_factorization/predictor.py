"""Stored factors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from runner.builders.routing._prompts.prompt_inputs import PromptReader
from runner.builders.routing.matrix_factorization.stored import StoredFactors
from runner.tasks.ranking.llm_predictor import LlmPredictor


class Predictor(LlmPredictor):
    """The stored factors with their own copy of the encoder."""

    def __init__(self, directory: Path, stored: StoredFactors, device: str) -> None:
        self._stored, self._device = stored, device
        self._network = stored.network().to(device).eval()
        self._reader = PromptReader(directory, None, device)

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> Predictor:
        """Read what :func:`train` wrote. Raises :class:`IntegrityError` for anything else."""
        return cls(directory, StoredFactors.read(directory), device)

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
        """float64 ``[len(models), len(prompts)]``, log odds; a row of NaN for an LLM unseen in training."""
        _, place, vectors = self._reader.read(prompts, histories, batch_size)
        index = {name: number for number, name in enumerate(self._stored.names)}
        known = [row for row, name in enumerate(models) if name in index]
        scores = np.full((len(models), len(vectors)), np.nan)
        with torch.inference_mode():
            llms = self._network.llm_side()[[index[models[row]] for row in known]]
            table = llms @ self._network.prompt_side(torch.from_numpy(vectors).to(self._device)).T
        scores[known] = table.double().cpu().numpy()
        return scores[:, place]
