"""What the neural routers that score an LLM by its embedding share: what goes in, what is stored, and the predictor."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from runner.builders.routing._fields.embedding_kind import DenseEmbeddingSpec, EmbeddingKindSpec
from runner.builders.routing._llms import llm_embedding
from runner.builders.routing._llms.llm_embedding import LlmEmbedding
from runner.builders.routing._neural.embedding_networks import PairTrunk
from runner.builders.routing._neural.network_router import NetworkRouter
from runner.builders.routing._neural.residual import BaseModel
from runner.builders.routing._neural.score_matrix import score_prompts
from runner.builders.routing._prompts.prompt_inputs import FOLDER, PromptReader, TrainingPrompts
from runner.builders.routing._prompts.prompted import Standardizer
from runner.contract import TrainContext
from runner.errors import IntegrityError
from runner.store.tensors import read_tensors, write_tensors
from runner.tasks.ranking.pair_inputs import Part


class Stored:
    """An artifact's document and weights, without the encoder, the LLM embedding and the base model."""

    def __init__(self, directory: Path) -> None:
        try:
            document = json.loads((directory / "model.json").read_text("utf-8"))
            self.shape: dict[str, Any] = dict(document["network"])
            self.standardize = Standardizer.from_json(document)
            self.tensors = read_tensors(directory / "network.safetensors")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise unreadable(directory, error) from error
        self.directory = directory

    def load_into(self, network: torch.nn.Module) -> None:
        """Take over the weights. Raises :class:`IntegrityError` where they are another network's."""
        try:
            network.load_state_dict({name: torch.from_numpy(value) for name, value in self.tensors.items()})
        except RuntimeError as error:
            raise unreadable(self.directory, error) from error


def trunk_shape(spec: DenseEmbeddingSpec) -> dict[str, Any]:
    """How the spec wants :class:`~.embedding_networks.PairTrunk`, by its parameters' names."""
    return {
        "projection": spec.input_proj_dim,
        "hidden": spec.hidden_dims,
        "dropout": spec.dropout,
        "skip": spec.use_skip_connections,
    }


def unreadable(directory: Path, error: Exception) -> IntegrityError:
    """What to say of an artifact that is not what its kind writes."""
    return IntegrityError(f"the stored model cannot be read: {error}", where=str(directory), hint="train it again")


@dataclass(frozen=True)
class Inputs:
    """The three inputs of every pair of the data, on the device, and what the pair's base model says of it."""

    prompts: TrainingPrompts
    llms: LlmEmbedding
    base: BaseModel | None
    base_scores: np.ndarray | None  # float32 [M, P]: log odds
    embeddings: torch.Tensor  # float32 [P, E]
    features: torch.Tensor  # float32 [P, F]
    vectors: torch.Tensor  # float32 [M, V]

    @classmethod
    def gather(cls, spec: EmbeddingKindSpec, context: TrainContext, start: Stored | None) -> Inputs:
        """Embed prompts and LLMs (which is a stage of its own), and score the data with the base model, if any."""
        prompts = TrainingPrompts.of(
            context, spec.embedding_model_name, start.standardize if start else None, spec.prompt_features
        )
        llms = llm_embedding.obtain(spec.embedding_spec, context, epochs=spec.embedding_model_epochs)
        base = BaseModel.of(context)
        return cls(
            prompts,
            llms,
            base,
            base.table(context.data, context.emit) if base else None,
            torch.from_numpy(prompts.embeddings).to(context.device),
            torch.from_numpy(prompts.features).to(context.device),
            torch.from_numpy(llms.vectors).to(context.device),
        )

    @property
    def sizes(self) -> tuple[int, int, int]:
        """The lengths of a prompt's embedding, its features, and an LLM's vector."""
        return self.embeddings.shape[1], self.features.shape[1], self.vectors.shape[1]

    def pair(self, which: torch.Tensor, llms: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The inputs of (prompt, LLM) pairs, by their indices ``[B]``."""
        return self.embeddings[which], self.features[which], self.vectors[llms]

    def standardize(self, trunk: PairTrunk, context: TrainContext) -> None:
        """Fit what the network does to embeddings first, on the training split's prompts and the data's LLMs."""
        split = context.data.train
        # A prompt's embedding as a whole varies no more than its features do: else its many numbers drown them.
        most = min(1.0, (self.sizes[1] / self.sizes[0]) ** 0.5)
        trunk.prompt_scale.fit(torch.from_numpy(self.prompts.embeddings[np.unique(split.prompt)]), most)
        trunk.llm_scale.fit(torch.from_numpy(self.llms.vectors[: len(split.models)]))

    def save(self, artifact: Path, network: torch.nn.Module, shape: Mapping[str, Any], temperature: float) -> None:
        """Write the whole artifact: document, weights, encoder, LLM embedding, base model."""
        document = {
            "format": 1,
            "temperature": temperature,
            "network": dict(shape),
        } | self.prompts.standardize.as_json()
        (artifact / "model.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
        write_tensors(artifact / "network.safetensors", network.state_dict())
        self.prompts.save(artifact)
        self.llms.save(artifact / llm_embedding.FOLDER, artifact / FOLDER)
        if self.base is not None:
            self.base.save(artifact)


class EmbeddingPredictor(NetworkRouter):
    """A stored network with its own copies of the encoder, of the LLM embedding and of a base model.

    A kind says what its network is.
    """

    #: ``network(sizes, **shape)`` has ``prompt_side``, ``llm_side`` and ``scores``, its weights still to come.
    network: ClassVar[Callable[..., Any]]
    _llms: LlmEmbedding

    def __init__(self, directory: Path, device: str) -> None:
        stored = Stored(directory)
        super().__init__(directory, device, LlmEmbedding.load(directory / llm_embedding.FOLDER, device))
        self._reader = PromptReader(directory, stored.standardize, device)
        try:
            sizes = (self._reader.encoder.width, len(stored.standardize.mean), self._llms.width)
            self._network = self.network(sizes, **stored.shape).to(device).eval()
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise unreadable(directory, error) from error
        stored.load_into(self._network)

    def use_cache(self, cache: Path) -> None:
        """Take prompts' embeddings from the cache folder where it has them."""
        self._reader.use_cache(cache)
        super().use_cache(cache)

    def prompt_vectors(self, prompts: Sequence[str], batch_size: int = 128) -> np.ndarray:
        """float32 ``[len(prompts), d]``"""
        return self._reader.encoder.vectors(prompts, batch_size)

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

        On a base model they are log odds: the base model's and the residual.
        """
        first, place, embeddings = self._reader.read(prompts, histories, batch_size)
        features = self._reader.features(prompts, histories, first)
        known = [row for row, name in enumerate(models) if name in self._llms.index]
        scores = np.full((len(models), len(first)), np.nan)
        if not known:
            return scores[:, place]
        vectors = self._llms.vectors[[self._llms.index[models[row]] for row in known]]
        with torch.inference_mode():
            llm_part = self._network.llm_side(torch.from_numpy(vectors).to(self._device))
        scores[known] = score_prompts(self._network, embeddings, features, llm_part)
        if self._base is not None:
            scores[known] += self._base.scores(
                [prompts[at] for at in first],
                [models[row] for row in known],
                batch_size,
                histories=None if histories is None else [histories[at] for at in first],
                tags=None if tags is None else np.asarray(tags)[first],
            )
        return scores[:, place]

    def _prompt_parts(
        self, prompts: Sequence[str], histories: Sequence[Sequence[str]] | None, batch_size: int
    ) -> tuple[Part, ...]:
        return self._reader.parts(prompts, histories, batch_size)

    def _score(self, embeddings: torch.Tensor, features: torch.Tensor, llms: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self._network(embeddings, features, llms)
        return scores
