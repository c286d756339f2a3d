"""Stored linear maps, one per LLM."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from runner.builders.routing._prompts.prompt_inputs import PromptReader
from runner.builders.routing._prompts.prompted import Standardizer
from runner.errors import IntegrityError
from runner.store.tensors import read_tensors
from runner.tasks.ranking.llm_predictor import LlmPredictor

#: The files of an artifact beside the encoder's.
MODEL, MAP = "model.json", "map.safetensors"


class Predictor(LlmPredictor):
    """Scores as log odds: the stored maps of a prompt's embedding and, where they were read, its features."""

    def __init__(
        self,
        models: Sequence[str],
        weights: np.ndarray,
        bias: np.ndarray,
        standardize: Standardizer | None,
        reader: PromptReader,
    ) -> None:
        self._models, self._weights, self._bias = tuple(models), weights, bias
        self._reads_features, self._reader = standardize is not None, reader

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

    @property
    def models(self) -> Sequence[str]:
        return self._models

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
        first, place, inputs = self._reader.read(prompts, histories, batch_size)
        if self._reads_features:
            inputs = np.concatenate([inputs, self._reader.features(prompts, histories, first)], axis=1)
        index = {name: number for number, name in enumerate(self._models)}
        known = [row for row, name in enumerate(models) if name in index]
        rows = [index[models[row]] for row in known]
        scores = np.full((len(models), len(first)), np.nan)
        scores[known] = self._weights[rows] @ inputs.astype(np.float64).T + self._bias[rows][:, None]
        return scores[:, place]
