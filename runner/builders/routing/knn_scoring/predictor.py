"""Stored prompts and their outcomes, searched for the neighbours of a prompt."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from runner.builders.routing._neighbors.nearest import Cells, Vectors
from runner.builders.routing._neighbors.neighbor_scores import Guarding, NeighborScores, Weighting
from runner.builders.routing._neighbors.outcomes import Outcomes
from runner.builders.routing._prompts.prompt_inputs import PromptReader
from runner.builders.routing._prompts.prompted_predictor import AskedPrompts, PromptedPredictor
from runner.errors import IntegrityError
from runner.store.tensors import read_tensors
from runner.tasks.ranking.pair_inputs import PairInputs

#: The files of an artifact beside the encoder's.
MODEL, NEIGHBORS = "model.json", "neighbors.safetensors"


class Predictor(PromptedPredictor):
    """Scores in [-1/2, 1/2]: mean outcomes less one half."""

    def __init__(self, models: Sequence[str], scores: NeighborScores, reader: PromptReader) -> None:
        super().__init__(models, reader)
        self._scores = scores

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

    def known_scores(self, asked: AskedPrompts, llms: list[int]) -> np.ndarray:
        """Mean outcomes less one half."""
        return self._scores(asked.embeddings)[:, llms].T

    def score_pairs(self, inputs: PairInputs) -> np.ndarray:
        # Both sides of a comparison, and many comparisons, have one prompt.
        vectors, place = np.unique(inputs["prompt_embedding"], axis=0, return_inverse=True)
        scores: np.ndarray = self._scores(vectors)[place.reshape(-1), inputs["model_id"][:, 0]]
        return scores
