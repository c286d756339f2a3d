"""A stored network that knows LLMs by vectors, whose inputs can be taken apart from its scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from runner.builders.routing._llms.llm_embedding import LlmEmbedding
from runner.builders.routing._neural.known_llms import KnowsLlms
from runner.builders.routing._neural.pair_batches import in_batches
from runner.builders.routing._neural.residual import FIELD
from runner.tasks.ranking.pair_inputs import PairInputs, Part


class NetworkRouter(KnowsLlms):
    """The base of such predictors. A subclass has ``score_llms``, and says what its network reads and scores."""

    splits_inputs: ClassVar[bool] = True
    _llms: LlmEmbedding

    def __init__(self, directory: Path, device: str, llms: LlmEmbedding) -> None:
        super().__init__(directory, device, llms)
        self._device = device

    def read_pairs(
        self,
        prompts: Sequence[str],
        llms: Sequence[str],
        batch_size: int = 128,
        *,
        histories: Sequence[Sequence[str]] | None = None,
        tags: Any = None,
    ) -> PairInputs:
        own = Part("model_embedding", self._llms.vectors[[self._llms.index[name] for name in llms]], "llm")
        base = () if self._base is None else (self._base.part(prompts, llms, batch_size, histories, tags),)
        return PairInputs((*self._prompt_parts(prompts, histories, batch_size), own, *base))

    def score_pairs(self, inputs: PairInputs) -> np.ndarray:
        names = ("prompt_embedding", "prompt_features", "model_embedding")
        scores = in_batches(self._score, tuple(inputs[name] for name in names), self._device)
        return scores + inputs[FIELD][:, 0] if FIELD in inputs else scores

    def _prompt_parts(
        self, prompts: Sequence[str], histories: Sequence[Sequence[str]] | None, batch_size: int
    ) -> tuple[Part, ...]:
        """``prompt_embedding`` and ``prompt_features`` of prompts, ``[n]``."""
        raise NotImplementedError

    def _score(self, embeddings: torch.Tensor, features: torch.Tensor, llms: torch.Tensor) -> torch.Tensor:
        """The network's own scores of pairs, ``[B]``."""
        raise NotImplementedError
