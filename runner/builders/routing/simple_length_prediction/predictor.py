"""Stored regressions of log lengths."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from runner.builders.routing._lengths.length_regression import fit
from runner.builders.routing._prompts.prompted import Standardizer, distinct_prompts
from runner.errors import IntegrityError
from runner.store.tensors import read_tensors
from runner.tasks.length.length_rows import LengthScale, TokenCounter
from runner.tasks.ranking.llm_predictor import LlmPredictor


class Predictor(LlmPredictor):
    """The stored weights."""

    embeds_llms: ClassVar[bool] = True
    has_average: ClassVar[bool] = True

    def __init__(
        self,
        directory: Path,
        names: Sequence[str],
        weights: np.ndarray,
        scale: LengthScale,
        standardize: Standardizer,
        l2: float,
        everyone: np.ndarray | None = None,
    ) -> None:
        self._directory, self._names = directory, list(names)
        self._weights, self._scale, self._standardize, self._l2 = weights, scale, standardize, l2
        #: The regression on all LLMs' responses, float64 ``[1, 1 + F]``; models from before there was one have none.
        self._everyone = np.zeros((1, weights.shape[1])) if everyone is None else everyone

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> Predictor:
        """Read what :func:`train` wrote. Raises :class:`IntegrityError` for anything else."""
        try:
            document = json.loads((directory / "model.json").read_text("utf-8"))
            tensors = read_tensors(directory / "weights.safetensors")
            scale = LengthScale.from_json(document["scale"])
            standardize = Standardizer.from_json(document)
            regressions = tensors["weights"], scale, standardize, float(document["l2"]), tensors.get("everyone")
            return cls(directory, document["models"], *regressions)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IntegrityError(
                f"the stored model cannot be read: {error}", where=str(directory), hint="train it again"
            ) from error

    @property
    def models(self) -> Sequence[str]:
        return self._names

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
        index = {name: at for at, name in enumerate(self._names)}
        first, place = distinct_prompts(prompts, histories)
        inputs = self._inputs(
            [prompts[at] for at in first], [() if histories is None else histories[at] for at in first]
        )
        tokens = np.full((len(models), len(first)), np.nan)
        rows = [row for row, name in enumerate(models) if name in index]
        at = np.array([index[models[row]] for row in rows], np.int64)
        values = self._weights[at, 1:] @ inputs.T + self._weights[at, :1]
        tokens[rows] = self._scale.tokens(values, at[:, None])
        return tokens[:, place]

    def add_llm(self, name: str, prompts: Sequence[str], responses: Sequence[str]) -> None:
        """Know one more LLM, by its (prompt, response) pairs, at least one. A known name is replaced."""
        tokens = TokenCounter.load(self._directory).count(responses)
        scale = self._scale.with_llm(tokens)
        last = np.full(len(tokens), len(self._names))
        rows = np.arange(len(tokens))
        inputs = self._inputs(prompts, [()] * len(prompts))
        weights = fit(inputs, rows, np.zeros_like(rows), scale.standardise(tokens, last), 1, max(self._l2, 1.0))
        everyone = [*self._names, name]
        kept = [at for at, known in enumerate(everyone) if known != name or at == len(self._names)]
        self._names = [everyone[at] for at in kept]
        self._weights = np.concatenate([self._weights, weights])[kept]
        self._scale = scale.of(np.array(kept))

    def add_average(self, name: str) -> None:
        """Know one more LLM, by the regression on the responses of all LLMs."""
        self._names = [*self._names, name]
        self._weights = np.concatenate([self._weights, self._everyone])
        self._scale = self._scale.with_average()

    def _inputs(self, prompts: Sequence[str], histories: Sequence[Sequence[str]]) -> np.ndarray:
        return self._standardize.read(prompts, histories).astype(np.float64)
