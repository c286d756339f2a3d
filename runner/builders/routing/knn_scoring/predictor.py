"""Stored prompts and their outcomes, searched for the neighbours of a prompt."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from runner.builders.routing._neighbors.nearest import Cells, Vectors
from runner.builders.routing._neighbors.neighbor_scores import Guarding, NeighborScores, Weighting
from runner.builders.routing._neighbors.outcomes import Outcomes
from runner.builders.routing._prompts.prompt_inputs import PromptReader
from runner.errors import IntegrityError
from runner.store.tensors import read_tensors
from runner.tasks.ranking.llm_predictor import LlmPredictor

#: The files of an artifact beside the encoder's.
MODEL, NEIGHBORS = "model.json", "neighbors.safetensors"


class Predictor(LlmPredictor):
    """Scores in [-1/2, 1/2]: mean outcomes less one half."""

    def __init__(self, models: Sequence[str], scores: NeighborScores, reader: PromptReader) -> None:
        self._models, self._scores, self._reader = tuple(models), scores, reader

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> Predictor:
        """Read what training wrote. Raises :class:`IntegrityError` for anything else."""
        try:
            document = json.loads((directory / MODEL).read_text("utf-8"))
            tensors = read_tensors(directory / NEIGHBORS)
            outcomes = Outcomes.read(tensors)
            guard = document.get("guard")
            scores = NeighborScores(
                Vectors(tensors["embeddings"], Cells.read(tensors), int(document["probes"])),
                outcomes,
                int(document["k"]),
                Weighting(**document["weighting"]),
                float(document["shrinkage"]),
                Guarding(**guard) if guard else None,
            )
            if not len(document["models"]) == len(outcomes.mean):
                raise ValueError(f"{len(document['models'])} LLMs, and outcomes of {len(outcomes.mean)}")
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise IntegrityError(
                f"the stored model cannot be read: {error}", where=str(directory), hint="train it again"
            ) from error
        return cls(document["models"], scores, PromptReader(directory, None, device))

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
        """float64 ``[len(models), len(prompts)]``; a row of NaN for an LLM unseen in training."""
        _, place, vectors = self._reader.read(prompts, histories, batch_size)
        table = self._scores(vectors)
        index = {name: number for number, name in enumerate(self._models)}
        scores = np.full((len(models), len(vectors)), np.nan)
        for row, name in enumerate(models):
            if name in index:
                scores[row] = table[:, index[name]]
        return scores[:, place]
