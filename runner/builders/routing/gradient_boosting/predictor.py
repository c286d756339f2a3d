"""Stored trees that score."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from runner.builders.routing._boosting.boosting_model import BoostedPredictor
from runner.builders.routing._neural.residual import BaseModel
from runner.tasks.ranking.llm_predictor import LlmPredictor


class Predictor(LlmPredictor):
    """The stored trees, on their base model if they have one."""

    embeds_llms: ClassVar[bool] = True
    has_average: ClassVar[bool] = True

    def __init__(self, directory: Path, device: str) -> None:
        self._trees = BoostedPredictor(directory, device)
        self._base = BaseModel.inside(directory, device)

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> Predictor:
        """Read what :func:`train` wrote. Raises :class:`IntegrityError` for anything else."""
        return cls(directory, device)

    @property
    def models(self) -> Sequence[str]:
        return () if self._trees.llms is None else self._trees.llms.names

    @property
    def reads_tags(self) -> bool:
        return self._trees.reads_tags or (self._base is not None and self._base.reads_tags)

    def use_cache(self, cache: Path) -> None:
        """Take prompts' embeddings from the cache folder where it has them."""
        self._trees.use_cache(cache)
        if self._base is not None:
            self._base.use_cache(cache)

    def add_llm(self, name: str, prompts: Sequence[str], responses: Sequence[str]) -> None:
        """Know one more LLM, by its (prompt, response) pairs, at least one. A known name is replaced."""
        self._trees.add_llm(name, prompts, responses)
        if self._base is not None:
            self._base.add_llm(name, prompts, responses)

    def add_average(self, name: str) -> None:
        """Know one more LLM, by the mean vector of the others."""
        self._trees.add_average(name)
        if self._base is not None:
            self._base.add_average(name)

    def score_llms(
        self,
        prompts: Sequence[str],
        models: Sequence[str],
        batch_size: int = 128,
        *,
        histories: Sequence[Sequence[str]] | None = None,
        tags: Any = None,
    ) -> np.ndarray:
        """float64 ``[len(models), len(prompts)]``; a row of NaN for an LLM that is not known."""
        scores = self._trees.table(prompts, models, batch_size, histories, tags)
        if self._base is not None:
            scores += self._base.scores(prompts, models, batch_size, histories=histories, tags=tags)
        return scores
