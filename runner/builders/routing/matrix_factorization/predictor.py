"""Stored factors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from runner.builders.routing._neural.pair_batches import in_batches
from runner.builders.routing._prompts.prompt_inputs import PromptReader
from runner.builders.routing._prompts.prompted_predictor import AskedPrompts, PromptedPredictor
from runner.builders.routing.matrix_factorization.stored import StoredFactors
from runner.tasks.ranking.pair_inputs import PairInputs


class Predictor(PromptedPredictor):
    """The stored factors with their own copy of the encoder."""

    def __init__(self, directory: Path, stored: StoredFactors, device: str) -> None:
        super().__init__(stored.names, PromptReader(directory, None, device))
        self._network, self._device = stored.network().to(device).eval(), device

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> Predictor:
        """Read what :func:`train` wrote. Raises :class:`IntegrityError` for anything else."""
        return cls(directory, StoredFactors.read(directory), device)

    def known_scores(self, asked: AskedPrompts, llms: list[int]) -> np.ndarray:
        """Log odds."""
        prompts = torch.from_numpy(asked.embeddings).to(self._device)
        with torch.inference_mode():
            table = self._network.llm_side()[llms] @ self._network.prompt_side(prompts).T
        return np.asarray(table.double().cpu().numpy())

    def score_pairs(self, inputs: PairInputs) -> np.ndarray:
        return in_batches(self._network, (inputs["prompt_embedding"], inputs["model_id"][:, 0]), self._device)
