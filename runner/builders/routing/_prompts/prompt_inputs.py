"""What a router knows of a prompt, as two matrices: its embedding, and its features, standardised.

While training, for all prompts of the data at once; in a predictor, for those that are asked about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runner.builders._finetuning import finetuned_model
from runner.builders.routing._fields.prompt_features import BY_NAME, DEFAULT, chosen
from runner.builders.routing._prompts.prompt_encoder import PromptEncoder
from runner.builders.routing._prompts.prompted import Standardizer, distinct_prompts, prompt_features
from runner.contract import TrainContext
from runner.tasks.ranking.pair_inputs import Part
from runner.training import sentence_encoder
from runner.training.pretrained import resolve

#: The encoder's folder in an artifact.
FOLDER = "encoder"


def encoder_folder(context: TrainContext, name: str) -> Path:
    """The folder of a sentence encoder: of the model to start from, of the stored model that the spec names, or what
    its name resolves to."""
    if context.start_from is not None:
        return context.start_from / FOLDER
    stored = context.stored.get("embedding_model_name")
    return resolve(name) if stored is None else finetuned_model.whole(stored, context.cache)


@dataclass(frozen=True)
class PromptEmbeddings:
    """Every distinct prompt of the data, of which nothing but its embedding is read."""

    embeddings: np.ndarray  # float32 [P, E]
    encoder: Path

    @classmethod
    def of(cls, context: TrainContext, name: str) -> PromptEmbeddings:
        """Embed with the sentence transformer ``name``, or with the encoder of the model to start from."""
        folder = encoder_folder(context, name)
        prompts = context.data.train.prompts
        embeddings = sentence_encoder.embed(
            prompts, folder, context.cache, context.device, context.emit, context.stop_requested
        )
        return cls(embeddings, folder)

    def save(self, artifact: Path) -> None:
        """Copy the encoder into the artifact."""
        sentence_encoder.copy(self.encoder, artifact / FOLDER)


@dataclass(frozen=True)
class TrainingPrompts:
    """Every distinct prompt of the data."""

    embeddings: np.ndarray  # float32 [P, E]
    features: np.ndarray  # float32 [P, F], standardised
    standardize: Standardizer
    encoder: Path

    @classmethod
    def of(
        cls,
        context: TrainContext,
        name: str,
        standardize: Standardizer | None = None,
        features: str | list[str] = DEFAULT,
    ) -> TrainingPrompts:
        """Embed with the sentence transformer ``name``, or with the encoder of the model to start from.

        A model to start from keeps its ``features`` and their standardisation: its weights were trained on those.
        """
        split = context.data.train
        embedded = PromptEmbeddings.of(context, name)
        names = standardize.names if standardize else chosen(features)
        raw = prompt_features(split, names)
        standardize = standardize or Standardizer.fit(raw[np.unique(split.prompt)], names)
        return cls(embedded.embeddings, standardize(raw), standardize, embedded.encoder)

    def save(self, artifact: Path) -> None:
        """Copy the encoder into the artifact."""
        sentence_encoder.copy(self.encoder, artifact / FOLDER)


class PromptReader:
    """A predictor's prompts: each distinct one is read once."""

    def __init__(self, artifact: Path, standardize: Standardizer | None, device: str) -> None:
        self.encoder = PromptEncoder(artifact / FOLDER, device)
        self._standardize = standardize

    def use_cache(self, cache: Path) -> None:
        """See :meth:`PromptEncoder.use_cache`."""
        self.encoder.use_cache(cache)

    def read(
        self, prompts: Sequence[str], histories: Sequence[Sequence[str]] | None, batch_size: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where each distinct prompt stands first, int64 ``[D]``; which one each is, ``[P]``; embeddings ``[D, E]``.

        A model that reads no features (``standardize`` None) has prompts distinct by their text alone.
        """
        first, place = distinct_prompts(prompts, histories if self._standardize else None)
        return first, place, self.encoder.vectors([prompts[at] for at in first], batch_size)

    def features(
        self, prompts: Sequence[str], histories: Sequence[Sequence[str]] | None, first: np.ndarray
    ) -> np.ndarray:
        """Standardised features of the prompts at ``first``, float32 ``[D, F]``."""
        if self._standardize is None:
            raise ValueError("a model without features has no standardisation")
        texts = [prompts[at] for at in first]
        return self._standardize.read(texts, None if histories is None else [histories[at] for at in first])

    def parts(
        self, prompts: Sequence[str], histories: Sequence[Sequence[str]] | None, batch_size: int
    ) -> tuple[Part, ...]:
        """What is read of prompts, ``[n]``, as inputs of pairs: embeddings and, where they are read, features."""
        first, place, embeddings = self.read(prompts, histories, batch_size)
        embedded = Part("prompt_embedding", embeddings[place])
        if self._standardize is None:
            return (embedded,)
        return embedded, feature_part(self.features(prompts, histories, first)[place], self._standardize.names)


def feature_part(values: np.ndarray, names: Sequence[str]) -> Part:
    """Prompt features ``[n, F]`` as an input of pairs, each of them with its name and its group."""
    return Part("prompt_features", values, columns=tuple(names), groups=tuple(BY_NAME[name].group for name in names))


def index_part(names: Sequence[str], index: Mapping[str, int]) -> Part:
    """Which LLM it is, as an input of pairs, int64 ``[n, 1]``: for models that keep something for each LLM."""
    return Part("model_id", np.array([[index[name]] for name in names], np.int64), "llm")
