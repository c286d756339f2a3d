"""Stored trees that score."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from runner.builders.routing._boosting.boosting_model import BoostedPredictor
from runner.builders.routing._neural.known_llms import KnowsLlms
from runner.builders.routing._neural.residual import FIELD
from runner.tasks.ranking.pair_inputs import PairInputs


class Predictor(KnowsLlms):
    """The stored trees, on their base model if they have one."""

    splits_inputs: ClassVar[bool] = True

    def __init__(self, directory: Path, device: str) -> None:
        self._trees = BoostedPredictor(directory, device)
        super().__init__(directory, device, self._trees.llms)

    @property
    def reads_tags(self) -> bool:
        return self._trees.reads_tags or super().reads_tags

    def use_cache(self, cache: Path) -> None:
        """Take prompts' embeddings from the cache folder where it has them."""
        self._trees.use_cache(cache)
        super().use_cache(cache)

    def prompt_vectors(self, prompts: Sequence[str], batch_size: int = 128) -> np.ndarray | None:
        """float32 ``[len(prompts), d]``; None where the trees do not see embeddings."""
        return self._trees.prompt_vectors(prompts, batch_size)

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

    def read_pairs(
        self,
        prompts: Sequence[str],
        llms: Sequence[str],
        batch_size: int = 128,
        *,
        histories: Sequence[Sequence[str]] | None = None,
        tags: Any = None,
    ) -> PairInputs:
        base = () if self._base is None else (self._base.part(prompts, llms, batch_size, histories, tags),)
        return PairInputs((*self._trees.read_pairs(prompts, llms, batch_size, histories, tags), *base))

    def score_pairs(self, inputs: PairInputs) -> np.ndarray:
        scores = self._trees.score_pairs(inputs)
        return scores + inputs[FIELD][:, 0] if FIELD in inputs else scores
