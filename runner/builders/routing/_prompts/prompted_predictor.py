"""What the stored models have in common that score the LLMs of their training by the prompt alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from runner.builders.routing._prompts.prompt_inputs import PromptReader, index_part
from runner.tasks.ranking.llm_predictor import LlmPredictor
from runner.tasks.ranking.pair_inputs import PairInputs


@dataclass(frozen=True)
class AskedPrompts:
    """The distinct prompts that are asked about, D of them."""

    #: float32 ``[D, E]``.
    embeddings: np.ndarray
    _read_features: Callable[[], np.ndarray]

    @cached_property
    def features(self) -> np.ndarray:
        """Standardised, float32 ``[D, F]``, read where they are wanted."""
        return self._read_features()


class PromptedPredictor(LlmPredictor):
    """A model of the LLMs ``names`` with its own copy of the encoder.

    A subclass has ``load``, ``known_scores`` and ``score_pairs``.
    """

    splits_inputs: ClassVar[bool] = True

    def __init__(self, names: Sequence[str], reader: PromptReader) -> None:
        self._names, self._reader = tuple(names), reader
        self._index = {name: number for number, name in enumerate(self._names)}

    @property
    def models(self) -> Sequence[str]:
        return self._names

    def use_cache(self, cache: Path) -> None:
        """Take prompts' embeddings from the cache folder where it has them."""
        self._reader.use_cache(cache)

    def prompt_vectors(self, prompts: Sequence[str], batch_size: int = 128) -> np.ndarray:
        """float32 ``[len(prompts), d]``"""
        return self._reader.encoder.vectors(prompts, batch_size)

    def known_scores(self, asked: AskedPrompts, llms: list[int]) -> np.ndarray:
        """Scores of the LLMs of these numbers, at least one: float64 ``[len(llms), D]``."""
        raise NotImplementedError

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
        known = [row for row, name in enumerate(models) if name in self._index]
        scores = np.full((len(models), len(prompts)), np.nan)
        if known:
            first, place, embeddings = self._reader.read(prompts, histories, batch_size)
            asked = AskedPrompts(embeddings, lambda: self._reader.features(prompts, histories, first))
            scores[known] = self.known_scores(asked, [self._index[models[row]] for row in known])[:, place]
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
        return PairInputs((*self._reader.parts(prompts, histories, batch_size), index_part(llms, self._index)))
