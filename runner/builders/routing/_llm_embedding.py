"""A vector per LLM, learned from its (prompt, response) pairs: trained or loaded, stored, and made for a new LLM.

Vectors have unit length. One network reads an LLM's pairs and nothing else of it, so an LLM that was never seen in
training gets its vector from its pairs alone.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch  # noqa: TID253 - only the worker and a predictor load this module
from pydantic import TypeAdapter, ValidationError

from runner.builders.routing import _llm_frozen
from runner.builders.routing._embedding_specs import EmbeddingSpec, Frozen
from runner.builders.routing._llm_pairs import Inputs, PairNetwork, Pairs, hold_out
from runner.builders.routing._llm_training import STAGE, fit_network
from runner.builders.routing._prompt_encoder import PromptEncoder
from runner.contract import TrainContext
from runner.errors import DataError, IntegrityError
from runner.store.files import read_json, write_json
from runner.store.tensors import read_tensors, write_tensors
from runner.training import encoder
from runner.training.encoder_settings import Settings, identity
from runner.training.pretrained import resolve

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
        spec: Any,
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
            file = self._network
            network = _fresh(self.spec, self.encoder_folder)
            tensors = {name: torch.from_numpy(value) for name, value in read_tensors(file).items()}
            try:
                network.load_state_dict(tensors)
            except RuntimeError as error:
                raise _unreadable(file, error) from error
            self._network = network.to(self.device).eval()
        return self._network

    def embed(self, prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
        """One LLM's vector from its pairs, float32 ``[width]``. Raises :class:`DataError` without a pair."""
        if not len(prompts) or len(prompts) != len(responses):
            raise DataError(
                f"an LLM's vector is made from its pairs: {len(prompts)} prompts and {len(responses)} responses are none",
                hint="give a response to every prompt, one at least",
            )
        pairs = Pairs.of_one(prompts, responses)
        inputs = _inputs(self.spec, pairs, self._encoder.vectors(pairs.texts), self.device)
        vector: np.ndarray = self.network().sets(inputs, [np.arange(len(pairs))])[0]
        return vector

    def add(self, name: str, prompts: Sequence[str], responses: Sequence[str]) -> None:
        """Know one more LLM, the last, or replace one that is known. Raises what :meth:`embed` raises."""
        vector = self.embed(prompts, responses)
        if name in self.index:
            vectors = self.vectors.copy()
            vectors[self.index[name]] = vector
            self._set(self.names, vectors)
        else:
            self._set((*self.names, name), np.vstack([self.vectors, vector]))

    def save(self, folder: Path, shared_encoder: Path | None = None) -> None:
        """Write what :meth:`load` reads. An equal encoder elsewhere in the artifact is pointed to, not written again."""
        folder.mkdir(parents=True, exist_ok=True)
        place = "encoder"
        if shared_encoder is not None and identity(shared_encoder) == identity(self.encoder_folder):
            place = Path(os.path.relpath(shared_encoder, folder)).as_posix()
        else:
            encoder.copy(self.encoder_folder, folder / place)
        write_tensors(folder / "network.safetensors", self.network().state_dict())
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
            spec = _SPEC.validate_json(_dumped(document["spec"]))
            names, vectors = document["names"], read_tensors(folder / "vectors.safetensors")["vectors"]
            place = (folder / document["encoder"]).resolve()
        except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
            raise _unreadable(folder, error) from error
        if not place.is_relative_to(folder.parent.resolve()):
            raise _unreadable(folder, f"its encoder {document['encoder']} is outside of the model")
        if vectors.ndim != 2 or len(vectors) != len(names):
            raise _unreadable(folder, f"{len(names)} names, vectors of shape {vectors.shape}")
        return cls(spec, names, vectors, place, folder / "network.safetensors", device)


def obtain(spec: Any, context: TrainContext, *, epochs: int) -> LlmEmbedding:
    """The embedding of the data's LLMs: ``names`` are ``context.data.train.models``, then others that are known.

    Trained for ``epochs`` on the training split's pairs in a stage of its own; or that of the model to start from, or
    of the one that ``load_embedding_model_from`` names, whose network then embeds the LLMs that it does not know.
    torch's generator is left as it was found. An LLM without a pair in the training split gets the middle of the others.
    """
    stored = context.start_from or context.stored.get(FIELD)
    if stored is not None and not (stored / FOLDER).is_dir():
        raise DataError("the stored model has no embedding of LLMs", where=f"/model/spec/{FIELD}")
    known = LlmEmbedding.load(stored / FOLDER, context.device) if stored else None
    split = context.data.train
    if known is not None and set(split.models) <= set(known.names):
        return _ordered(known, split.models)
    spec = known.spec if known else spec
    pairs = Pairs.of_comparisons(split)
    folder = known.encoder_folder if known else resolve(spec.encoder_model_name)
    stage = context.stage(STAGE, epochs=epochs, batch_size=context.batch_size)
    vectors = encoder.embed(pairs.texts, folder, context.cache, context.device, stage.emit, context.stop_requested)
    inputs = _inputs(spec, pairs, vectors, context.device)
    if known is not None:
        network = known.network()
    else:
        with torch.random.fork_rng():
            torch.manual_seed(context.seed)
            network = _fresh(spec, folder).to(context.device)
            held = hold_out(pairs, context.seed)
            objective = _llm_frozen.objective(spec, network, inputs, pairs, held)
            fit_network(network, spec.optimizer, objective, inputs, held, context, epochs)
    network.eval()
    missing = [at for at, name in enumerate(split.models) if known is None or name not in known.index]
    fresh = network.sets(inputs, [np.flatnonzero(pairs.llm == at) for at in missing])
    _fill(fresh, [split.models[at] for at in missing], pairs, missing, context)
    if known is None:
        return LlmEmbedding(spec, split.models, fresh, folder, network, context.device)
    known._set((*known.names, *(split.models[at] for at in missing)), np.vstack([known.vectors, fresh]))
    return _ordered(known, split.models)


def _fill(
    vectors: np.ndarray, names: Sequence[str], pairs: Pairs, models: Sequence[int], context: TrainContext
) -> None:
    """An LLM that is in the held-out comparisons alone has no pair to be known by: it gets the others' mean."""
    lacking = ~np.isin(models, pairs.llm)
    if lacking.any():
        without = [name for name, lacks in zip(names, lacking, strict=True) if lacks]
        context.emit(
            "warning",
            message=f"no response of {', '.join(without)} is in the training split: the middle of the other LLMs is used",
            pointer="/data/validation_split",
        )
        middle = vectors[~lacking].sum(axis=0)
        vectors[lacking] = middle / max(float(np.linalg.norm(middle)), 1e-12)


def _ordered(known: LlmEmbedding, first: Sequence[str]) -> LlmEmbedding:
    names = (*first, *(name for name in known.names if name not in set(first)))
    known._set(names, known.vectors[[known.index[name] for name in names]])
    return known


def _fresh(spec: Any, encoder_folder: Path) -> PairNetwork:
    """A network of the spec's type, from torch's generator."""
    assert isinstance(spec, Frozen)
    return _llm_frozen.network(spec, Settings.read(encoder_folder).width)


def _inputs(spec: Any, pairs: Pairs, vectors: np.ndarray, device: str) -> Inputs:
    return Inputs(
        texts=pairs.texts,
        prompt=torch.from_numpy(pairs.prompt).to(device),
        response=torch.from_numpy(pairs.response).to(device),
        vectors=torch.from_numpy(vectors).to(device),
        scalars=torch.zeros((len(pairs), 0), device=device),
    )


def _dumped(document: Any) -> str:
    import json

    return json.dumps(document)


def _unreadable(where: Path, why: object) -> IntegrityError:
    return IntegrityError(
        f"the stored embedding of the LLMs cannot be read: {why}", where=str(where), hint="train it again"
    )
