"""A stored router that knows more LLMs than it was trained on: what was added to it, on disk and in its answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from runner.contract import EXTENSION
from runner.errors import IntegrityError
from runner.store.tensors import read_tensors, write_tensors
from runner.tasks.ranking.few_prompts import Estimate, nearest
from runner.tasks.ranking.llm_predictor import LlmPredictor, llm_predictor

#: The files in the folder of an extension.
DOCUMENT, CENTRES = "llms.json", "centres.safetensors"
FORMAT = 1


@dataclass(frozen=True)
class AddedLlm:
    """An LLM whose score is a mixture of known LLMs' scores, a level, and an offset for prompts of a cluster."""

    name: str
    #: The LLMs that it is made of: those that the router knew before.
    known: tuple[str, ...]
    #: float64 ``[M]``, of sum 1; and what is added to it, in units of the router's scores.
    mixture: np.ndarray
    level: float
    #: float64 ``[K, d]`` and ``[K]``, in the same units; None where the prompt makes no difference.
    centres: np.ndarray | None
    offsets: np.ndarray

    @classmethod
    def of(cls, name: str, known: Sequence[str], found: Estimate, temperature: float) -> AddedLlm:
        """An estimate, whose scores are divided by the router's temperature."""
        level, offsets = temperature * found.level, temperature * found.offsets
        if not offsets.any():
            return cls(name, tuple(known), found.mixture, level, None, np.zeros(0))
        return cls(name, tuple(known), found.mixture, level, found.centres, offsets)

    def scores(self, table: np.ndarray, vectors: np.ndarray | None) -> np.ndarray:
        """float64 ``[P]`` from the known LLMs' scores ``[M, P]`` and the prompts' embeddings ``[P, d]``."""
        scores = self.mixture @ table + self.level
        if self.centres is None:
            return scores
        if vectors is None:
            raise ValueError("a router without embeddings has no clusters of prompts")
        return scores + self.offsets[nearest(vectors, self.centres)]


class ExtendedPredictor(LlmPredictor):
    """A predictor and what was added to it, each LLM on top of those before it."""

    def __init__(self, trained: LlmPredictor, added: Sequence[AddedLlm]) -> None:
        self._trained, self._added = trained, list(added)
        self.embeds_llms = trained.embeds_llms  # type: ignore[misc]
        self.has_average = trained.has_average  # type: ignore[misc]

    @property
    def models(self) -> Sequence[str]:
        """Those of the training, then those that were added, in their order."""
        return [*self._trained.models, *(one.name for one in self._added)]

    @property
    def added(self) -> list[AddedLlm]:
        """What was added, the first one first."""
        return list(self._added)

    @property
    def reads_tags(self) -> bool:
        return self._trained.reads_tags

    def use_cache(self, cache: Path) -> None:
        self._trained.use_cache(cache)

    def add_llm(self, name: str, prompts: Sequence[str], responses: Sequence[str]) -> None:
        """See :meth:`LlmPredictor.add_llm`: its answers take the place of what was added."""
        self._trained.add_llm(name, prompts, responses)
        self._added = [one for one in self._added if one.name != name]

    def add_average(self, name: str) -> None:
        """The mean of the LLMs of the training."""
        self._trained.add_average(name)

    def prompt_vectors(self, prompts: Sequence[str], batch_size: int = 128) -> Any:
        return self._trained.prompt_vectors(prompts, batch_size)

    def score_llms(
        self,
        prompts: Sequence[str],
        models: Sequence[str],
        batch_size: int = 128,
        *,
        histories: Sequence[Sequence[str]] | None = None,
        tags: Any = None,
    ) -> np.ndarray:
        """float64 ``[len(models), len(prompts)]``; a row of NaN for an LLM that is not known."""
        wanted = self._needed(models)
        needed = [one for one in self._added if one.name in wanted]
        plain = list(dict.fromkeys([*models, *(name for one in needed for name in one.known)]))
        mine = {one.name for one in needed}
        plain = [name for name in plain if name not in mine]
        table = np.asarray(
            self._trained.score_llms(prompts, plain, batch_size, histories=histories, tags=tags), np.float64
        )
        rows = dict(zip(plain, table, strict=True))
        vectors = None
        if any(one.centres is not None for one in needed):
            vectors = self._trained.prompt_vectors(prompts, batch_size)
        for one in needed:
            known = np.stack([rows[name] for name in one.known])
            rows[one.name] = one.scores(known, vectors)
        return np.stack([rows[name] for name in models]) if models else np.zeros((0, len(prompts)))

    def _needed(self, models: Sequence[str]) -> set[str]:
        """The LLMs that are asked for, and those that they are made of."""
        wanted = set(models)
        for one in reversed(self._added):
            if one.name in wanted:
                wanted |= set(one.known)
        return wanted


def open_extended(trained: Any, folder: Path) -> ExtendedPredictor:
    """A stored model's predictor with what its folder says was added. Raises :class:`IntegrityError`."""
    predictor = llm_predictor(trained)
    return ExtendedPredictor(predictor, read(folder, predictor.models))


def read(folder: Path, trained: Sequence[str]) -> list[AddedLlm]:
    """What was added to a stored model of these LLMs; nothing where it has no extension. Raises as above."""
    place = folder / EXTENSION
    if not place.is_dir():
        return []
    try:
        document = json.loads((place / DOCUMENT).read_text("utf-8"))
        tensors = read_tensors(place / CENTRES) if (place / CENTRES).is_file() else {}
        if document["format"] != FORMAT:
            raise ValueError(f"format {document['format']} is not known to this version")
        added = [_added(entry, tensors.get(f"{at}")) for at, entry in enumerate(document["llms"])]
        known = set(trained)
        for one in added:
            if len(one.mixture) != len(one.known) or not set(one.known) <= known or one.name in known:
                raise ValueError(f"{one.name} is no mixture of LLMs that the model knows")
            known.add(one.name)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise IntegrityError(
            f"the extension of the stored model cannot be read: {error}", where=str(place), hint="extend it again"
        ) from error
    return added


def write(folder: Path, added: Sequence[AddedLlm]) -> None:
    """Write what was added to a stored model into its folder; the same bytes for the same LLMs."""
    place = folder / EXTENSION
    place.mkdir(exist_ok=True)
    document = {"format": FORMAT, "llms": [_entry(one) for one in added]}
    (place / DOCUMENT).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    centres = {f"{at}": one.centres for at, one in enumerate(added) if one.centres is not None}
    (place / CENTRES).unlink(missing_ok=True)
    if centres:
        write_tensors(place / CENTRES, centres)


def _entry(one: AddedLlm) -> dict[str, Any]:
    return {
        "name": one.name,
        "mixture": dict(zip(one.known, one.mixture.tolist(), strict=True)),
        "level": one.level,
        "offsets": one.offsets.tolist(),
    }


def _added(entry: dict[str, Any], centres: np.ndarray | None) -> AddedLlm:
    mixture = entry["mixture"]
    one = AddedLlm(
        str(entry["name"]),
        tuple(mixture),
        np.array(list(mixture.values()), np.float64),
        float(entry["level"]),
        centres,
        np.array(entry["offsets"], np.float64),
    )
    if len(one.offsets) != (0 if centres is None else len(centres)):
        raise ValueError(
            f"{len(one.offsets)} offsets, and centres of {0 if centres is None else len(centres)} clusters"
        )
    return one
