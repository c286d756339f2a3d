"""A vector per LLM, learned from its (prompt, response) pairs: trained or loaded, stored, and made for a new LLM.

Vectors have unit length. One network reads an LLM's pairs and nothing else of it, so an LLM that was never seen in
training gets its vector from its pairs alone. A predictor that scores such LLMs has ``add_llm`` hand over to
:meth:`LlmEmbedding.add`, and looks LLMs up in ``index`` and ``vectors``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter, ValidationError

from runner.builders.routing._fields.embedding_specs import EmbeddingSpec, Frozen, pretrained_name
from runner.builders.routing._llms import embedding_types
from runner.builders.routing._llms.attention import AttentionNetwork
from runner.builders.routing._llms.embedding_training import STAGE, fit_network
from runner.builders.routing._llms.embedding_types import Spec
from runner.builders.routing._llms.finetunable import FinetunableNetwork
from runner.builders.routing._llms.llm_holdout import hold_out
from runner.builders.routing._llms.llm_pairs import PairNetwork, Pairs
from runner.builders.routing._prompts.prompt_encoder import PromptEncoder
from runner.contract import TrainContext
from runner.errors import DataError, IntegrityError
from runner.store.files import read_json, write_json
from runner.store.tensors import read_tensors, write_tensors
from runner.training import sentence_encoder
from runner.training.pretrained import resolve
from runner.training.sentence_encoder_settings import identity

#: Where an artifact keeps it.
FOLDER = "llm_embedding"
#: The spec's field that names another model to take it from.
FIELD = "load_embedding_model_from"
FORMAT = 1
_SPEC: TypeAdapter[Any] = TypeAdapter(EmbeddingSpec)


class LlmEmbedding:
    """The vectors of some LLMs, and what makes one from pairs."""

    def __init__(
        self,
        spec: Spec,
        names: Sequence[str],
        vectors: np.ndarray,
        encoder_folder: Path,
        network: PairNetwork | Path,
        device: str = "cpu",
    ) -> None:
        self.spec, self.device = spec, device
        self._encoder = PromptEncoder(encoder_folder, device)
        #: The network, or the file to read it from when it is first needed.
        self._network = network
        self._set(tuple(names), np.asarray(vectors, np.float32))

    def _set(self, names: tuple[str, ...], vectors: np.ndarray) -> None:
        self.names: tuple[str, ...] = names
        #: float32 ``[len(names), width]``, unit length.
        self.vectors: np.ndarray = vectors
        self.index: dict[str, int] = {name: at for at, name in enumerate(names)}

    @property
    def width(self) -> int:
        """The length of a vector."""
        return int(self.vectors.shape[1])

    @property
    def encoder_folder(self) -> Path:
        """The encoder that reads prompts and responses."""
        return self._encoder.directory

    def network(self) -> PairNetwork:
        """The network in evaluation mode. Raises :class:`IntegrityError` for a file that does not hold it."""
        if isinstance(self._network, Path):
            try:
                self._network = embedding_types.stored(self.spec, self.encoder_folder, self._network, self.device)
            except (RuntimeError, DataError) as error:
                raise _unreadable(self.encoder_folder.parent, error) from error
        return self._network

    def embed(self, prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
        """One LLM's vector from its pairs, float32 ``[width]``. Raises :class:`DataError` without a pair."""
        if not len(prompts) or len(prompts) != len(responses):
            raise DataError(
                f"{len(prompts)} prompts and {len(responses)} responses are no pairs to embed an LLM by",
                hint="give a response to every prompt, one at least",
            )
        pairs = Pairs.of_one(prompts, responses)
        inputs = embedding_types.read(self.spec, self.network(), pairs, self._encoder.vectors, self.device)
        vector: np.ndarray = self.network().sets(inputs, [np.arange(len(pairs))])[0]
        return vector

    def use_cache(self, cache: Path) -> None:
        """Look the frozen encoder's vectors of prompts and responses up in the cache folder, and add new ones."""
        self._encoder.use_cache(cache)

    def add(self, name: str, prompts: Sequence[str], responses: Sequence[str]) -> None:
        """Know one more LLM, the last, or replace one that is known. Raises what :meth:`embed` raises."""
        vector = self.embed(prompts, responses)
        if name in self.index:
            vectors = self.vectors.copy()
            vectors[self.index[name]] = vector
            self._set(self.names, vectors)
        else:
            self._set((*self.names, name), np.vstack([self.vectors, vector]))

    def add_average(self, name: str) -> None:
        """Know one more LLM, the last, of which nothing is known: its vector is the middle of the others."""
        self._set((*self.names, name), np.vstack([self.vectors, _middle(self.vectors)]))

    def save(self, folder: Path, shared_encoder: Path | None = None) -> None:
        """Write what :meth:`load` reads. An equal encoder in the same artifact is pointed to, not written again."""
        folder.mkdir(parents=True, exist_ok=True)
        network, place = self.network(), "encoder"
        if isinstance(network, FinetunableNetwork):
            network.encoder.save(folder / place)
            write_tensors(folder / "network.safetensors", network.own())
        else:
            if shared_encoder is not None and identity(shared_encoder) == identity(self.encoder_folder):
                place = Path(os.path.relpath(shared_encoder, folder)).as_posix()
            else:
                sentence_encoder.copy(self.encoder_folder, folder / place)
            write_tensors(folder / "network.safetensors", network.state_dict())
        write_tensors(folder / "vectors.safetensors", {"vectors": self.vectors})
        document = {
            "format": FORMAT,
            "names": list(self.names),
            "encoder": place,
            "spec": self.spec.model_dump(mode="json"),
        }
        write_json(folder / "embedding.json", document)

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> LlmEmbedding:
        """Read the vectors; the network and its encoder when :meth:`embed` needs them.

        Raises :class:`IntegrityError` for anything that :meth:`save` did not write.
        """
        try:
            document = read_json(folder / "embedding.json")
            spec = _SPEC.validate_json(json.dumps(document["spec"]))
            names, vectors = document["names"], read_tensors(folder / "vectors.safetensors")["vectors"]
            place = (folder / document["encoder"]).resolve()
        except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
            raise _unreadable(folder, error) from error
        if not place.is_relative_to(folder.parent.resolve()):
            raise _unreadable(folder, f"its encoder {document['encoder']} is outside of the model")
        if vectors.ndim != 2 or len(vectors) != len(names):
            raise _unreadable(folder, f"{len(names)} names, vectors of shape {vectors.shape}")
        return cls(spec, names, vectors, place, folder / "network.safetensors", device)


def obtain(spec: Spec, context: TrainContext, *, epochs: int) -> LlmEmbedding:
    """The embedding of the data's LLMs: ``names`` are ``context.data.train.models``, then others that are known.

    Trained for ``epochs`` on the training split's pairs in a stage of its own; or that of the model to start from, or
    of the one that ``load_embedding_model_from`` names, whose network then embeds the LLMs that it does not know.
    An LLM without a pair in the training split gets the middle of the others. torch's generator is left as it was.
    """
    stored = context.start_from or context.stored.get(FIELD)
    if stored is None:
        return _trained(spec, context, epochs)
    if not (stored / FOLDER).is_dir():
        raise DataError("the stored model has no embedding of LLMs", where=f"/model/spec/{FIELD}")
    known = LlmEmbedding.load(stored / FOLDER, context.device)
    # The default is what a spec has that says nothing.
    if context.start_from is None and spec not in (known.spec, Frozen(embedding_type="frozen")):
        context.emit(
            "warning",
            message=f"ignored: the embedding of the model that {FIELD} names is taken as it is, "
            f"and it is a {known.spec.embedding_type} one",
            pointer="/model/spec/embedding_spec",
        )
    return _extended(known, context)


def _trained(spec: Spec, context: TrainContext, epochs: int) -> LlmEmbedding:
    pairs = Pairs.of_comparisons(context.data.train)
    folder = resolve(pretrained_name(spec))
    with torch.random.fork_rng():
        torch.manual_seed(context.seed)
        network = embedding_types.fresh(spec, folder, context.device, context.emit)
        inputs = embedding_types.read(spec, network, pairs, _cached(folder, context), context.device)
        held = hold_out(pairs, context.seed)
        if isinstance(network, AttentionNetwork) and inputs.scalars is not None:
            network.standardize(inputs.scalars[torch.from_numpy(held.train).to(context.device)])
        objective = embedding_types.objective(spec, network, inputs, pairs, held)
        fit_network(network, spec.optimizer, objective, inputs, held, context, epochs)
    network.eval()
    models = context.data.train.models
    vectors = network.sets(inputs, [np.flatnonzero(pairs.llm == at) for at in range(len(models))])
    seen = np.isin(np.arange(len(models)), pairs.llm)
    _fill(vectors, seen, vectors[seen], models, context)
    return LlmEmbedding(spec, models, vectors, folder, network, context.device)


def _extended(known: LlmEmbedding, context: TrainContext) -> LlmEmbedding:
    """The stored vectors as they are, and new ones for the LLMs that the stored model does not know."""
    models = context.data.train.models
    strangers = np.array([at for at, name in enumerate(models) if name not in known.index], np.int64)
    if len(strangers):
        pairs = Pairs.of_comparisons(context.data.train).only(strangers)
        network = known.network()
        inputs = embedding_types.read(
            known.spec, network, pairs, _cached(known.encoder_folder, context), context.device
        )
        vectors = network.sets(inputs, [np.flatnonzero(pairs.llm == at) for at in strangers])
        names = [models[at] for at in strangers]
        _fill(vectors, np.isin(strangers, pairs.llm), known.vectors, names, context)
        known._set((*known.names, *names), np.vstack([known.vectors, vectors]))
    order = (*models, *(name for name in known.names if name not in set(models)))
    known._set(order, known.vectors[[known.index[name] for name in order]])
    return known


def _cached(folder: Path, context: TrainContext) -> Callable[[Sequence[str]], np.ndarray]:
    """Texts to vectors through the cache, each text once; a run that is asked to stop does so between batches."""
    emit = context.stage(STAGE, epochs=0, batch_size=0).emit
    return lambda texts: sentence_encoder.embed(
        texts, folder, context.cache, context.device, emit, context.stop_requested
    )


def _fill(
    vectors: np.ndarray, seen: np.ndarray, others: np.ndarray, names: Sequence[str], context: TrainContext
) -> None:
    """An LLM that is in held-out comparisons alone has no pair to be known by: it gets the middle of the others."""
    if not seen.all():
        without = ", ".join(name for name, has in zip(names, seen, strict=True) if not has)
        context.emit(
            "warning",
            message=f"no response of {without} is in the training split: the middle of the other LLMs stands for it",
            pointer="/data/validation_split",
        )
        vectors[~seen] = _middle(others)


def _middle(vectors: np.ndarray) -> np.ndarray:
    """The mean direction, float32 ``[width]`` of unit length."""
    total: np.ndarray = vectors.sum(axis=0)
    return total / max(float(np.linalg.norm(total)), 1e-12)


def _unreadable(where: Path, why: object) -> IntegrityError:
    return IntegrityError(
        f"the stored embedding of the LLMs cannot be read: {why}", where=str(where), hint="train it again"
    )
