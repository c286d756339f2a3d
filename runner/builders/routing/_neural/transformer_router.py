"""The transformer router as files, and scoring with them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from runner.builders.routing._llms import llm_embedding
from runner.builders.routing._llms.llm_embedding import LlmEmbedding
from runner.builders.routing._neural.embedding_router import Stored, unreadable
from runner.builders.routing._neural.interaction import Interaction
from runner.builders.routing._neural.network_router import NetworkRouter
from runner.builders.routing._neural.residual import BaseModel
from runner.builders.routing._neural.score_matrix import score_prompts
from runner.builders.routing._neural.transformer_training import TransformerScorer
from runner.builders.routing._prompts.prompt_inputs import feature_part
from runner.builders.routing._prompts.prompted import Standardizer, distinct_prompts
from runner.store.tensors import write_tensors
from runner.tasks.ranking.pair_inputs import Part
from runner.training.text_encoder import TrainableEncoder

#: The fine-tuned transformer's folder in an artifact.
ENCODER = "encoder"


def save(
    artifact: Path,
    module: TransformerScorer,
    shape: Mapping[str, Any],
    standardize: Standardizer,
    llms: LlmEmbedding,
    base: BaseModel | None,
    temperature: float,
) -> None:
    """Write the whole artifact: document, weights, transformer, LLM embedding, base model."""
    document = {
        "format": 1,
        "temperature": temperature,
        "network": dict(shape),
    } | standardize.as_json()
    (artifact / "model.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    write_tensors(artifact / "network.safetensors", module.interaction.state_dict())
    module.encoder.save(artifact / ENCODER)
    llms.save(artifact / llm_embedding.FOLDER, artifact / ENCODER)
    if base is not None:
        base.save(artifact)


class TransformerPredictor(NetworkRouter):
    """A stored transformer and network with their own copies of the LLM embedding and of a base model."""

    _llms: LlmEmbedding

    def __init__(self, directory: Path, device: str) -> None:
        stored = Stored(directory)
        super().__init__(directory, device, LlmEmbedding.load(directory / llm_embedding.FOLDER, device))
        self._directory, self._standardize = directory, stored.standardize
        # Loaded when the first prompt comes: whoever only asks which LLMs are known does not wait for it.
        self._encoder: TrainableEncoder | None = None
        try:
            width = len(stored.tensors["norm.weight"])
            sizes = (width, len(stored.standardize.mean), self._llms.width)
            self._network = Interaction(sizes, **stored.shape).to(device).eval()
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise unreadable(directory, error) from error
        stored.load_into(self._network)

    def prompt_vectors(self, prompts: Sequence[str], batch_size: int = 128) -> np.ndarray:
        """What the fine-tuned transformer makes of them, float32 ``[len(prompts), d]``."""
        return self._loaded_encoder().encode(list(prompts), batch_size)

    def _loaded_encoder(self) -> TrainableEncoder:
        self._encoder = self._encoder or TrainableEncoder.stored(self._directory / ENCODER, self._device).eval()
        return self._encoder

    def score_llms(
        self,
        prompts: Sequence[str],
        models: Sequence[str],
        batch_size: int = 128,
        *,
        histories: Sequence[Sequence[str]] | None = None,
        tags: Any = None,
    ) -> np.ndarray:
        """float64 ``[len(models), len(prompts)]``; a row of NaN for an LLM that is not known.

        Each distinct prompt is encoded once. On a base model scores are log odds: the base model's and the residual.
        """
        first, place = distinct_prompts(prompts, histories)
        known = [row for row, name in enumerate(models) if name in self._llms.index]
        scores = np.full((len(models), len(first)), np.nan)
        if not known or not len(first):
            return scores[:, place]
        texts = [prompts[at] for at in first]
        earlier = [() if histories is None else histories[at] for at in first]
        vectors = self._llms.vectors[[self._llms.index[models[row]] for row in known]]
        read = self._loaded_encoder().encode(texts, batch_size)
        with torch.inference_mode():
            llm_part = self._network.llm_side(torch.from_numpy(vectors).to(self._device))
        scores[known] = score_prompts(self._network, read, self._standardize.read(texts, earlier), llm_part)
        if self._base is not None:
            scores[known] += self._base.scores(
                texts,
                [models[row] for row in known],
                batch_size,
                histories=None if histories is None else earlier,
                tags=None if tags is None else np.asarray(tags)[first],
            )
        return scores[:, place]

    def _prompt_parts(
        self, prompts: Sequence[str], histories: Sequence[Sequence[str]] | None, batch_size: int
    ) -> tuple[Part, ...]:
        first, place = distinct_prompts(prompts, histories)
        texts = [prompts[at] for at in first]
        earlier = [() if histories is None else histories[at] for at in first]
        features = self._standardize.read(texts, earlier)
        return (
            Part("prompt_embedding", self._loaded_encoder().encode(texts, batch_size)[place]),
            feature_part(features[place], self._standardize.names),
        )

    def _score(self, embeddings: torch.Tensor, features: torch.Tensor, llms: torch.Tensor) -> torch.Tensor:
        return self._network.pairs(self._network.prompt_side(embeddings, features), self._network.llm_side(llms))
