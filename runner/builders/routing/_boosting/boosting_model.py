"""A boosted model's inputs in training, what it stores, and what scores with it: both boosted kinds stand on this."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb

from runner.builders.routing._boosting.boosting_inputs import PROMPT_GROUPS, Inputs, Pairs
from runner.builders.routing._boosting.rounds import predict_rows
from runner.builders.routing._fields.boosting_fields import BoostingSpec
from runner.builders.routing._llms import llm_embedding
from runner.builders.routing._llms.llm_embedding import LlmEmbedding
from runner.builders.routing._prompts.features import features
from runner.builders.routing._prompts.prompt_encoder import PromptEncoder
from runner.builders.routing._prompts.prompted import prompt_features
from runner.contract import TrainContext
from runner.data.category_tags import TAGS, prompt_tags
from runner.errors import IntegrityError
from runner.store.tensors import read_tensors, write_tensors
from runner.training import encoder
from runner.training.pretrained import resolve

#: An artifact's files: the trees as their library writes them, the bins' edges, the rest; and the encoder's folder.
TREES, EDGES, DOCUMENT, ENCODER = "booster.json", "bins.safetensors", "model.json", "encoder"
#: Bytes of rows that are put together at once.
AT_ONCE = 64 << 20


@dataclass(frozen=True)
class Stored:
    """An artifact without its encoder and LLM embedding. ``document`` has what the kind added."""

    inputs: Inputs
    booster: xgb.Booster
    document: dict[str, Any]

    @classmethod
    def read(cls, directory: Path) -> Stored:
        """Raises :class:`IntegrityError` for anything that :func:`save` did not write."""
        try:
            document = json.loads((directory / DOCUMENT).read_text("utf-8"))
            inputs = Inputs(dict(document["inputs"]), read_tensors(directory / EDGES)["edges"])
            booster = xgb.Booster()
            booster.load_model(directory / TREES)
            if len(inputs.names()) != len(inputs.edges) or booster.num_features() != len(inputs.edges):
                raise ValueError(f"edges of {len(inputs.edges)} columns")
        except (OSError, ValueError, KeyError, TypeError, AttributeError, xgb.core.XGBoostError) as error:
            raise unreadable(directory, error) from error
        return cls(inputs, booster, document)


def unreadable(directory: Path, error: Exception) -> IntegrityError:
    """What to say of an artifact that is not what its kind writes."""
    return IntegrityError(
        f"the stored model cannot be read: {str(error).splitlines()[0]}", where=str(directory), hint="train it again"
    )


@dataclass(frozen=True)
class Gathered:
    """What training has of its data: both halves of every row, in bins."""

    inputs: Inputs
    prompts: np.ndarray  # uint8 [P, columns]
    llms: np.ndarray  # uint8 [M, columns]
    embedding: LlmEmbedding
    encoder: Path | None
    #: float32 ``[P, E]``; None where the spec does not have them read.
    embeddings: np.ndarray | None

    @classmethod
    def of(cls, spec: BoostingSpec, context: TrainContext, start: Stored | None) -> Gathered:
        """Embed prompts and LLMs (a stage of its own); the bins are the stored model's where one is continued."""
        train = context.data.train
        groups = [name for name in PROMPT_GROUPS if name in (start.inputs if start else spec.input_features)]
        values: dict[str, np.ndarray] = {}
        folder = None
        if "prompt_embedding" in groups:
            folder = context.start_from / ENCODER if context.start_from else resolve(spec.embedding_model_name)
            values["prompt_embedding"] = encoder.embed(
                train.prompts, folder, context.cache, context.device, context.emit, context.stop_requested
            )
        if "prompt_features" in groups:
            values["prompt_features"] = prompt_features(train)
        if "categories" in groups:
            values["categories"] = prompt_tags((train, context.data.validation))
            if np.isnan(values["categories"]).all():
                context.emit(
                    "warning",
                    message="no row of the data has category tags: the input categories says nothing",
                    pointer="/model/spec/input_features",
                )
        embedding = llm_embedding.obtain(spec.embedding_spec, context, epochs=spec.embedding_model_epochs)
        if start:
            inputs = start.inputs
        else:
            seen = np.unique(train.prompt)
            known = {name: table[seen] for name, table in values.items()}
            inputs = Inputs.fit(known, embedding.vectors[: len(train.models)], context.seed)
        return cls(
            inputs,
            inputs.prompts(values, len(train.prompts)),
            inputs.llms(embedding.vectors),
            embedding,
            folder,
            values.get("prompt_embedding"),
        )

    def pairs(self, prompt: np.ndarray, llm: np.ndarray) -> tuple[Pairs, np.ndarray]:
        """The distinct rows among pairs, and the row of each."""
        return Pairs.of(prompt, llm, len(self.llms))

    def scorer(self, booster: xgb.Booster) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        """``score(prompt indices, LLM indices)``: what the trees say, float64 ``[n]``."""
        return lambda prompt, llm: score_pairs(booster, self.prompts, self.llms, prompt, llm)

    def save(self, artifact: Path, booster: xgb.Booster, document: dict[str, Any]) -> None:
        """Write the whole artifact; ``document`` is what the kind adds."""
        (artifact / TREES).write_bytes(booster.save_raw("json"))
        write_tensors(artifact / EDGES, {"edges": self.inputs.edges})
        whole = {"format": 1, "inputs": dict(self.inputs.widths)} | document
        (artifact / DOCUMENT).write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", "utf-8")
        shared = None
        if self.encoder is not None:
            shared = artifact / ENCODER
            encoder.copy(self.encoder, shared)
        self.embedding.save(artifact / llm_embedding.FOLDER, shared)


class BoostedPredictor:
    """The stored trees, with their own copies of the encoder and of the LLM embedding."""

    def __init__(self, directory: Path, device: str) -> None:
        self.stored = Stored.read(directory)
        self.stored.booster.set_param({"device": device, "verbosity": 0})
        self.llms = LlmEmbedding.load(directory / llm_embedding.FOLDER, device)
        self._encoder = PromptEncoder(directory / ENCODER, device)

    @property
    def reads_tags(self) -> bool:
        """Whether a prompt's category tags are an input."""
        return "categories" in self.stored.inputs

    def use_cache(self, cache: Path) -> None:
        """See :meth:`PromptEncoder.use_cache`."""
        if "prompt_embedding" in self.stored.inputs:
            self._encoder.use_cache(cache)

    def table(
        self,
        prompts: Sequence[str],
        models: Sequence[str],
        batch_size: int,
        histories: Sequence[Sequence[str]] | None,
        tags: Any,
    ) -> np.ndarray:
        """What the trees say, float64 ``[len(models), len(prompts)]``; NaN for LLMs that are not known.

        Prompts that look the same to the trees are scored once.
        """
        halves, place = np.unique(self._read(prompts, batch_size, histories, tags), axis=0, return_inverse=True)
        known = [row for row, name in enumerate(models) if name in self.llms.index]
        scores = np.full((len(models), len(halves)), np.nan)
        if known and len(halves):
            llms = self.stored.inputs.llms(self.llms.vectors[[self.llms.index[models[row]] for row in known]])
            prompt = np.tile(np.arange(len(halves)), len(known))
            llm = np.repeat(np.arange(len(known)), len(halves))
            scores[known] = score_pairs(self.stored.booster, halves, llms, prompt, llm).reshape(len(known), -1)
        return scores[:, place.reshape(-1)]

    def _read(
        self, prompts: Sequence[str], batch_size: int, histories: Sequence[Sequence[str]] | None, tags: Any
    ) -> np.ndarray:
        """The prompts' half of the rows, uint8 ``[len(prompts), columns]``."""
        inputs = self.stored.inputs
        values: dict[str, np.ndarray] = {}
        if "prompt_embedding" in inputs:
            values["prompt_embedding"] = self._encoder.vectors(prompts, batch_size)
        if "prompt_features" in inputs:
            values["prompt_features"] = features(prompts, histories or [()] * len(prompts))
        if "categories" in inputs:
            unknown = np.full((len(prompts), len(TAGS)), np.nan, np.float32)
            values["categories"] = unknown if tags is None else np.asarray(tags, np.float32)
        return inputs.prompts(values, len(prompts))


def score_pairs(
    booster: xgb.Booster, prompts: np.ndarray, llms: np.ndarray, prompt: np.ndarray, llm: np.ndarray
) -> np.ndarray:
    """The trees' sums for (prompt, LLM) pairs, float64 ``[n]``, in chunks of bounded memory.

    ``prompts`` and ``llms`` are the halves of the rows, ``prompt`` and ``llm`` int ``[n]`` indices into them.
    """
    size = max(1, AT_ONCE // max(1, prompts.shape[1] + llms.shape[1]))
    scores = np.zeros(len(prompt))
    for start in range(0, len(prompt), size):
        some = slice(start, start + size)
        scores[some] = predict_rows(booster, Pairs(prompt[some], llm[some]).rows(prompts, llms))
    return scores
