"""A stored dense network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from runner.builders.routing._neural.pair_batches import in_batches
from runner.builders.routing._neural.score_matrix import score_prompts
from runner.builders.routing._prompts.prompt_inputs import PromptReader
from runner.builders.routing._prompts.prompted_predictor import AskedPrompts, PromptedPredictor
from runner.builders.routing.dense_network.stored import StoredDense
from runner.tasks.ranking.pair_inputs import PairInputs


class Predictor(PromptedPredictor):
    """The stored network with its own copy of the encoder."""

    def __init__(self, stored: StoredDense, directory: Path, device: str) -> None:
        super().__init__(stored.names, PromptReader(directory, stored.standardize, device))
        self._network, self._device = stored.network(device), device

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> Predictor:
        """Read what :func:`train` wrote. Raises :class:`IntegrityError` for anything else."""
        return cls(StoredDense.read(directory), directory, device)

    def known_scores(self, asked: AskedPrompts, llms: list[int]) -> np.ndarray:
        """In [-1, 1]."""
        with torch.inference_mode():
            sides = self._network.llm_side()[llms]
        return score_prompts(self._network, asked.embeddings, asked.features, sides)

    def score_pairs(self, inputs: PairInputs) -> np.ndarray:
        prompts = np.concatenate([inputs["prompt_embedding"], inputs["prompt_features"]], axis=1)
        return in_batches(self._network, (prompts, inputs["model_id"][:, 0]), self._device)
