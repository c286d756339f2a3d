"""A stored model that gives an LLM the same score for every prompt."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from runner.errors import IntegrityError
from runner.tasks.ranking.llm_predictor import LlmPredictor

#: The two files of an artifact.
SCORES, MODEL = "scores.safetensors", "model.json"


@dataclass(frozen=True)
class AgnosticPredictor(LlmPredictor):
    """A stored model that gives an LLM the same score for every prompt."""

    names: tuple[str, ...]
    #: float64 ``[len(names)]``.
    scores: np.ndarray
    #: ``P(a beats b) = sigmoid((score_a - score_b) / temperature)``.
    temperature: float

    @property
    def models(self) -> Sequence[str]:
        return self.names

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> AgnosticPredictor:
        """Read what :func:`save` wrote; the device does not matter. Raises :class:`IntegrityError`."""
        try:
            document = json.loads((directory / MODEL).read_text(encoding="utf-8"))
            names, temperature = tuple(document["models"]), float(document["temperature"])
            scores = load_file(directory / SCORES)["scores"]
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as fault:
            raise IntegrityError(
                f"the stored model cannot be read: {fault}", where=str(directory), hint="train it again"
            ) from fault
        if scores.shape != (len(names),) or not temperature > 0:
            raise IntegrityError(
                f"the stored model has {len(names)} LLMs and scores of shape {scores.shape}", where=str(directory)
            )
        return cls(names, scores.astype(np.float64), temperature)

    def score_llms(
        self,
        prompts: Sequence[str],
        models: Sequence[str],
        batch_size: int = 128,
        *,
        histories: Sequence[Sequence[str]] | None = None,
        tags: Any = None,
    ) -> np.ndarray:
        """float64 ``[len(models), len(prompts)]``, the same for every prompt; a row of NaN for an unseen LLM."""
        known = dict(zip(self.names, self.scores.tolist(), strict=True))
        column = np.array([known.get(name, np.nan) for name in models], np.float64)
        return np.repeat(column[:, None], len(prompts), axis=1)
