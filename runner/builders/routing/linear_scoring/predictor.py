"""Stored linear maps, one per LLM."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from runner.builders.routing._prompts.prompt_inputs import PromptReader
from runner.builders.routing._prompts.prompted import Standardizer
from runner.builders.routing._prompts.prompted_predictor import AskedPrompts, PromptedPredictor
from runner.errors import IntegrityError
from runner.store.tensors import read_tensors
from runner.tasks.ranking.pair_inputs import PairInputs

#: The files of an artifact beside the encoder's.
MODEL, MAP = "model.json", "map.safetensors"


class Predictor(PromptedPredictor):
    """Scores as log odds: the stored maps of a prompt's embedding and, where they were read, its features."""

    def __init__(
        self,
        models: Sequence[str],
        weights: np.ndarray,
        bias: np.ndarray,
        standardize: Standardizer | None,
        reader: PromptReader,
    ) -> None:
        super().__init__(models, reader)
        self._weights, self._bias, self._reads_features = weights, bias, standardize is not None

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> Predictor:
        """Read what training wrote. Raises :class:`IntegrityError` for anything else."""
        try:
            document = json.loads((directory / MODEL).read_text("utf-8"))
            tensors = read_tensors(directory / MAP)
            weights, bias = tensors["weights"], tensors["bias"]
            if weights.shape[:1] != bias.shape or len(document["models"]) != len(bias):
                raise ValueError(f"{len(document['models'])} LLMs, and maps of shape {weights.shape}")
            standardize = None
            if "feature_mean" in document:
                standardize = Standardizer(document["feature_mean"], document["feature_std"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IntegrityError(
                f"the stored model cannot be read: {error}", where=str(directory), hint="train it again"
            ) from error
        return cls(document["models"], weights, bias, standardize, PromptReader(directory, standardize, device))

    def known_scores(self, asked: AskedPrompts, llms: list[int]) -> np.ndarray:
        """Log odds."""
        inputs = asked.embeddings
        if self._reads_features:
            inputs = np.concatenate([inputs, asked.features], axis=1)
        return np.asarray(self._weights[llms] @ inputs.astype(np.float64).T + self._bias[llms][:, None])

    def score_pairs(self, inputs: PairInputs) -> np.ndarray:
        read = [part.values for part in inputs.parts if part.says_of == "prompt"]
        own = inputs["model_id"][:, 0]
        return np.einsum("nd,nd->n", np.concatenate(read, axis=1), self._weights[own]) + self._bias[own]
