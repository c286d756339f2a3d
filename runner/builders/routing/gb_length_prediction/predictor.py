"""Stored trees that predict lengths."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from runner.builders.routing._boosting.boosting_model import BoostedPredictor
from runner.builders.routing.gb_length_prediction.stored import stored_scale
from runner.tasks.length.length_rows import TokenCounter
from runner.tasks.ranking.llm_predictor import LlmPredictor
from runner.tasks.ranking.pair_inputs import PairInputs, Part


class Predictor(LlmPredictor):
    """The stored trees and every LLM's usual length."""

    embeds_llms: ClassVar[bool] = True
    has_average: ClassVar[bool] = True
    splits_inputs: ClassVar[bool] = True

    def __init__(self, directory: Path, device: str) -> None:
        self._directory = directory
        self._trees = BoostedPredictor(directory, device)
        self._scale, names = stored_scale(self._trees.stored, directory)
        self._index = {name: at for at, name in enumerate(names)}

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> Predictor:
        """Read what :func:`train` wrote. Raises :class:`IntegrityError` for anything else."""
        return cls(directory, device)

    @property
    def models(self) -> Sequence[str]:
        return list(self._index)

    @property
    def reads_tags(self) -> bool:
        return self._trees.reads_tags

    def use_cache(self, cache: Path) -> None:
        """Take prompts' embeddings from the cache folder where it has them."""
        self._trees.use_cache(cache)

    def add_llm(self, name: str, prompts: Sequence[str], responses: Sequence[str]) -> None:
        """Know one more LLM, by its (prompt, response) pairs, at least one. A known name is replaced."""
        self._trees.add_llm(name, prompts, responses)
        self._scale = self._scale.with_llm(TokenCounter.load(self._directory).count(responses))
        self._index[name] = len(self._scale.mean) - 1

    def add_average(self, name: str) -> None:
        """Know one more LLM, by the mean vector of the others and the mean length of all responses."""
        self._trees.add_average(name)
        self._scale = self._scale.with_average()
        self._index[name] = len(self._scale.mean) - 1

    def score_llms(
        self,
        prompts: Sequence[str],
        models: Sequence[str],
        batch_size: int = 128,
        *,
        histories: Sequence[Sequence[str]] | None = None,
        tags: Any = None,
    ) -> np.ndarray:
        """Tokens, float64 ``[len(models), len(prompts)]``, at least 1; a row of NaN for an LLM that is not known."""
        rows = [row for row, name in enumerate(models) if name in self._index]
        tokens = np.full((len(models), len(prompts)), np.nan)
        values = self._trees.table(prompts, [models[row] for row in rows], batch_size, histories, tags)
        at = np.array([self._index[models[row]] for row in rows], np.int64)
        tokens[rows] = self._scale.tokens(values, at[:, None])
        return tokens

    def read_pairs(
        self,
        prompts: Sequence[str],
        llms: Sequence[str],
        batch_size: int = 128,
        *,
        histories: Sequence[Sequence[str]] | None = None,
        tags: Any = None,
    ) -> PairInputs:
        # The usual length of the LLM, which the trees' sums are counted from.
        usual = Part("model_mean", np.array([[self._index[name]] for name in llms], np.int64), "llm")
        return PairInputs((*self._trees.read_pairs(prompts, llms, batch_size, histories, tags), usual))

    def score_pairs(self, inputs: PairInputs) -> np.ndarray:
        return self._scale.tokens(self._trees.score_pairs(inputs), inputs["model_mean"][:, 0])
