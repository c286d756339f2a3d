"""A stored network that predicts lengths."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from runner.builders.routing._lengths.length_stored import StoredLength
from runner.builders.routing._llms.llm_embedding import FOLDER, LlmEmbedding
from runner.builders.routing._neural.pair_batches import in_batches
from runner.builders.routing._prompts.prompt_inputs import PromptReader
from runner.tasks.length.length_rows import LengthScale, TokenCounter
from runner.tasks.ranking.llm_predictor import LlmPredictor
from runner.tasks.ranking.pair_inputs import PairInputs, Part


class Predictor(LlmPredictor):
    """The stored network with its own copies of the encoder and of the LLM embedding."""

    embeds_llms: ClassVar[bool] = True
    has_average: ClassVar[bool] = True
    splits_inputs: ClassVar[bool] = True

    def __init__(self, stored: StoredLength, directory: Path, device: str) -> None:
        self._device, self._directory = device, directory
        self._network = stored.network(device)
        self._llms = LlmEmbedding.load(directory / FOLDER, device)
        self._reader = PromptReader(directory, stored.standardize, device)
        self._scale = stored.scale
        self._index = {name: at for at, name in enumerate(stored.names)}
        #: The learned vectors, float32 ``[len(models), model_id_embedding_dim]``: of zeros for an LLM that was added.
        self._own: np.ndarray = self._network.model_embedding.weight.detach().cpu().numpy()

    @classmethod
    def load(cls, directory: Path, device: str = "cpu") -> Predictor:
        """Read what :func:`train` wrote. Raises :class:`IntegrityError` for anything else."""
        return cls(StoredLength.read(directory), directory, device)

    @property
    def models(self) -> Sequence[str]:
        return list(self._index)

    def use_cache(self, cache: Path) -> None:
        """Take embeddings of prompts from the cache folder, and add what is new."""
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
        """Tokens, float64 ``[len(models), len(prompts)]``, at least 1; a row of NaN for an LLM that is not known."""
        rows = [row for row, name in enumerate(models) if name in self._index]
        tokens = np.full((len(models), len(prompts)), np.nan)
        if not rows or not len(prompts):
            return tokens
        first, place, embeddings = self._reader.read(prompts, histories, batch_size)
        features = self._reader.features(prompts, histories, first)
        at = np.array([self._index[models[row]] for row in rows], np.int64)
        vectors = self._llms.vectors[[self._llms.index[models[row]] for row in rows]]
        sides = (torch.from_numpy(part).to(self._device) for part in (embeddings, features, vectors, self._own[at]))
        tokens[rows] = self._scale.tokens(self._network.table(*sides), at[:, None])[:, place]
        return tokens

    def add_llm(self, name: str, prompts: Sequence[str], responses: Sequence[str]) -> None:
        """Know one more LLM, by its (prompt, response) pairs, at least one. A known name is replaced."""
        self._llms.add(name, prompts, responses)
        self._know(name, self._scale.with_llm(TokenCounter.load(self._directory / "encoder").count(responses)))

    def add_average(self, name: str) -> None:
        """Know one more LLM, by the mean vector of the others and the mean length of all responses."""
        self._llms.add_average(name)
        self._know(name, self._scale.with_average())

    def _know(self, name: str, scale: LengthScale) -> None:
        self._scale = scale
        self._own = np.concatenate([self._own, np.zeros((1, self._own.shape[1]), np.float32)])
        self._index[name] = len(self._own) - 1

    def read_pairs(
        self,
        prompts: Sequence[str],
        llms: Sequence[str],
        batch_size: int = 128,
        *,
        histories: Sequence[Sequence[str]] | None = None,
        tags: Any = None,
    ) -> PairInputs:
        index = np.array([self._index[name] for name in llms], np.int64)
        return PairInputs(
            (
                *self._reader.parts(prompts, histories, batch_size),
                Part("model_embedding", self._llms.vectors[[self._llms.index[name] for name in llms]], "llm"),
                Part("model_id", self._own[index], "llm"),
                # The usual length of the LLM, which the network's output is counted from.
                Part("model_mean", index[:, None], "llm"),
            )
        )

    def score_pairs(self, inputs: PairInputs) -> np.ndarray:
        names = ("prompt_embedding", "prompt_features", "model_embedding", "model_id")
        values = in_batches(self._score, tuple(inputs[name] for name in names), self._device)
        return self._scale.tokens(values, inputs["model_mean"][:, 0])

    def _score(
        self, embeddings: torch.Tensor, features: torch.Tensor, vectors: torch.Tensor, own: torch.Tensor
    ) -> torch.Tensor:
        network = self._network
        scores: torch.Tensor = network(network.prompts(embeddings, features), network.llms(vectors, own))
        return scores
