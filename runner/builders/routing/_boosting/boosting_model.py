"""A boosted model's inputs in training, what it stores, and what scores with it: both boosted kinds stand on this."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb

from runner.builders.routing._boosting.boosting_inputs import LLM_GROUPS, PROMPT_GROUPS, Inputs, Pairs
from runner.builders.routing._boosting.rounds import predict_rows
from runner.builders.routing._fields.boosting_fields import OLDER_GROUPS, BoostingSpec
from runner.builders.routing._fields.prompt_features import BY_NAME, chosen
from runner.builders.routing._llms import llm_embedding
from runner.builders.routing._llms.llm_embedding import LlmEmbedding
from runner.builders.routing._prompts.features import NAMES
from runner.builders.routing._prompts.named_features import named_features
from runner.builders.routing._prompts.prompt_encoder import PromptEncoder
from runner.builders.routing._prompts.prompt_inputs import encoder_folder
from runner.builders.routing._prompts.prompted import prompt_features
from runner.contract import TrainContext
from runner.data.category_tags import TAGS, prompt_tags
from runner.errors import IntegrityError
from runner.store.tensors import read_tensors, write_tensors
from runner.tasks.ranking.pair_inputs import PairInputs, Part
from runner.training import sentence_encoder

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
    #: The prompt features that are an input.
    features: tuple[str, ...]

    @classmethod
    def read(cls, directory: Path) -> Stored:
        """Raises :class:`IntegrityError` for anything that :func:`save` did not write."""
        try:
            document = json.loads((directory / DOCUMENT).read_text("utf-8"))
            # Groups had other words once.
            widths = {OLDER_GROUPS.get(name, name): width for name, width in document["inputs"].items()}
            ids = tuple(document.get("model_ids", ()))
            inputs = Inputs(widths, read_tensors(directory / EDGES)["edges"], ids)
            features = tuple(document.get("features", NAMES if "prompt_features" in inputs else ()))
            booster = xgb.Booster()
            booster.load_model(directory / TREES)
            expected = (widths.get("prompt_features", 0), widths.get("model_id", 0))
            if expected != (len(features), len(ids)) or not set(features) <= BY_NAME.keys():
                raise ValueError(f"names of {len(features)} features and of {len(ids)} LLMs")
            if len(inputs.names()) != len(inputs.edges) or booster.num_features() != len(inputs.edges):
                raise ValueError(f"edges of {len(inputs.edges)} columns")
        except (OSError, ValueError, KeyError, TypeError, AttributeError, xgb.core.XGBoostError) as error:
            raise unreadable(directory, error) from error
        return cls(inputs, booster, document, features)


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
    embedding: LlmEmbedding | None
    encoder: Path | None
    #: float32 ``[P, E]``; None where the spec does not have them read.
    embeddings: np.ndarray | None
    features: tuple[str, ...]

    @classmethod
    def of(cls, spec: BoostingSpec, context: TrainContext, start: Stored | None) -> Gathered:
        """Embed prompts and LLMs (a stage of its own); the bins are the stored model's where one is continued."""
        train = context.data.train
        groups = [name for name in PROMPT_GROUPS if name in (start.inputs if start else spec.input_features)]
        values: dict[str, np.ndarray] = {}
        folder = None
        if "prompt_embedding" in groups:
            folder = encoder_folder(context, spec.embedding_model_name)
            values["prompt_embedding"] = sentence_encoder.embed(
                train.prompts, folder, context.cache, context.device, context.emit, context.stop_requested
            )
        read = start.features if start else chosen(spec.prompt_features) if "prompt_features" in groups else ()
        if read:
            values["prompt_features"] = prompt_features(train, read)
        if "prompt_categories" in groups:
            values["prompt_categories"] = prompt_tags((train, context.data.validation))
            if np.isnan(values["prompt_categories"]).all():
                context.emit(
                    "warning",
                    message="no row of the data has category tags: the input prompt_categories says nothing",
                    pointer="/model/spec/input_features",
                )
        embedding, names, vectors = None, train.models, None
        if "model_embedding" in (start.inputs if start else spec.input_features):
            embedding = llm_embedding.obtain(spec.embedding_spec, context, epochs=spec.embedding_model_epochs)
            names, vectors = embedding.names, embedding.vectors
        if start:
            inputs = start.inputs
        else:
            seen = np.unique(train.prompt)
            known = {name: table[seen] for name, table in values.items()}
            ids = train.models if "model_id" in spec.input_features else ()
            inputs = Inputs.fit(known, None if vectors is None else vectors[: len(train.models)], ids, context.seed)
        halves = inputs.prompts(values, len(train.prompts)), inputs.llms(names, vectors)
        embeddings = values.get("prompt_embedding")
        return cls(inputs, *halves, embedding, folder, embeddings, tuple(read))

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
        named = {"model_ids": list(self.inputs.ids)} if self.inputs.ids else {}
        if self.features and self.features != NAMES:
            named["features"] = list(self.features)
        whole = {"format": 1, "inputs": dict(self.inputs.widths)} | named | document
        (artifact / DOCUMENT).write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", "utf-8")
        shared = None
        if self.encoder is not None:
            shared = artifact / ENCODER
            sentence_encoder.copy(self.encoder, shared)
        if self.embedding is not None:
            self.embedding.save(artifact / llm_embedding.FOLDER, shared)


class BoostedPredictor:
    """The stored trees, with their own copies of the encoder and of the LLM embedding."""

    def __init__(self, directory: Path, device: str) -> None:
        self.stored = Stored.read(directory)
        self.stored.booster.set_param({"device": device, "verbosity": 0})
        #: None where the trees do not see the LLMs' vectors.
        self.llms: LlmEmbedding | None = None
        if "model_embedding" in self.stored.inputs:
            self.llms = LlmEmbedding.load(directory / llm_embedding.FOLDER, device)
        self._encoder = PromptEncoder(directory / ENCODER, device)

    @property
    def reads_tags(self) -> bool:
        """Whether a prompt's category tags are an input."""
        return "prompt_categories" in self.stored.inputs

    def add_llm(self, name: str, prompts: Sequence[str], responses: Sequence[str]) -> None:
        """Know one more LLM by its vector, if the trees see vectors."""
        if self.llms is not None:
            self.llms.add(name, prompts, responses)

    def add_average(self, name: str) -> None:
        """Know one more LLM by the mean of the others' vectors, if the trees see vectors."""
        if self.llms is not None:
            self.llms.add_average(name)

    def use_cache(self, cache: Path) -> None:
        """See :meth:`PromptEncoder.use_cache`."""
        if "prompt_embedding" in self.stored.inputs:
            self._encoder.use_cache(cache)

    def prompt_vectors(self, prompts: Sequence[str], batch_size: int) -> np.ndarray | None:
        """The prompts' embeddings, float32 ``[len(prompts), d]``; None where they are no input."""
        return self._encoder.vectors(prompts, batch_size) if "prompt_embedding" in self.stored.inputs else None

    def table(
        self,
        prompts: Sequence[str],
        models: Sequence[str],
        batch_size: int,
        histories: Sequence[Sequence[str]] | None,
        tags: Any,
    ) -> np.ndarray:
        """What the trees say, float64 ``[len(models), len(prompts)]``; NaN for LLMs whose vector is not known.

        Prompts that look the same to the trees are scored once.
        """
        halves, place = np.unique(self._read(prompts, batch_size, histories, tags), axis=0, return_inverse=True)
        known = [row for row, name in enumerate(models) if self.llms is None or name in self.llms.index]
        scores = np.full((len(models), len(halves)), np.nan)
        if known and len(halves):
            names = [models[row] for row in known]
            vectors = None if self.llms is None else self.llms.vectors[[self.llms.index[name] for name in names]]
            llms = self.stored.inputs.llms(names, vectors)
            prompt = np.tile(np.arange(len(halves)), len(known))
            llm = np.repeat(np.arange(len(known)), len(halves))
            scores[known] = score_pairs(self.stored.booster, halves, llms, prompt, llm).reshape(len(known), -1)
        return scores[:, place.reshape(-1)]

    def read_pairs(
        self,
        prompts: Sequence[str],
        llms: Sequence[str],
        batch_size: int,
        histories: Sequence[Sequence[str]] | None,
        tags: Any,
    ) -> tuple[Part, ...]:
        """What the trees see of pairs, ``[n]`` each: the bins of every group of inputs."""
        of_prompts = self._read(prompts, batch_size, histories, tags)
        names = list(dict.fromkeys(llms))
        vectors = None if self.llms is None else self.llms.vectors[[self.llms.index[name] for name in names]]
        of_llms = self.stored.inputs.llms(names, vectors)[[names.index(name) for name in llms]]
        found, start = [], 0
        whole = np.concatenate([of_prompts, of_llms], axis=1)
        for name, width in self.stored.inputs.widths.items():
            columns = {"prompt_features": self.stored.features, "prompt_categories": tuple(TAGS)}.get(name, ())
            groups = tuple(BY_NAME[column].group for column in self.stored.features) if columns else ()
            found.append(
                Part(
                    name,
                    whole[:, start : start + width],
                    "llm" if name in LLM_GROUPS else "prompt",
                    columns,
                    groups if name == "prompt_features" else (),
                )
            )
            start += width
        return tuple(found)

    def score_pairs(self, inputs: PairInputs) -> np.ndarray:
        """What the trees say of pairs, float64 ``[n]``."""
        table = np.concatenate([inputs[name] for name in self.stored.inputs.widths], axis=1)
        scores: np.ndarray = predict_rows(self.stored.booster, table).astype(np.float64)
        return scores

    def _read(
        self, prompts: Sequence[str], batch_size: int, histories: Sequence[Sequence[str]] | None, tags: Any
    ) -> np.ndarray:
        """The prompts' half of the rows, uint8 ``[len(prompts), columns]``."""
        inputs = self.stored.inputs
        values: dict[str, np.ndarray] = {}
        if "prompt_embedding" in inputs:
            values["prompt_embedding"] = self._encoder.vectors(prompts, batch_size)
        if "prompt_features" in inputs:
            values["prompt_features"] = named_features(self.stored.features, prompts, histories)
        if "prompt_categories" in inputs:
            unknown = np.full((len(prompts), len(TAGS)), np.nan, np.float32)
            values["prompt_categories"] = unknown if tags is None else np.asarray(tags, np.float32)
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
