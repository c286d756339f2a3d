"""A stored model's own sentence encoder, loaded when the first prompt comes, and the cache that may spare it that."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from runner.data.embedding_cache import EmbeddingCache, text_key
from runner.training.sentence_encoder import Encoder, remembered_identity
from runner.training.sentence_encoder_settings import Settings


class PromptEncoder:
    """Texts to vectors, with the encoder in ``directory`` (what ``encoder.copy`` wrote into an artifact).

    The weights are read when the first text has to be embedded: whoever only asks which LLMs a model knows, or whose
    prompts are all in the cache, does not wait for them.
    """

    def __init__(self, directory: Path, device: str = "cpu") -> None:
        self.directory, self.device = directory, device
        self._settings: Settings | None = None
        self._encoder: Encoder | None = None
        self._cache: EmbeddingCache | None = None
        self._cache_folder: Path | None = None
        #: What was asked last: of one batch of prompts, both scores and embeddings may be wanted.
        self._last: tuple[list[str], np.ndarray] | None = None

    @property
    def width(self) -> int:
        """The length of a vector."""
        self._settings = self._settings or Settings.read(self.directory)
        return self._settings.width

    def use_cache(self, cache: Path) -> None:
        """Look vectors up in the cache folder ``cache`` (the one that training embeds into), and add what is new.

        Called again with the same one, nothing: by then the folder of the weights may be another than what was read.
        """
        folder = cache / "embeddings"
        if self._cache_folder != folder:
            self._cache = EmbeddingCache(folder, remembered_identity(self.directory, folder), _silent)
            self._cache_folder = folder

    def vectors(self, texts: Sequence[str], batch_size: int = 128) -> np.ndarray:
        """Embeddings, float32 ``[len(texts), width]``, in the texts' order; each distinct text is embedded once."""
        place: dict[str, int] = {}
        for text in texts:
            place.setdefault(text, len(place))
        distinct = list(place)
        if self._last is None or self._last[0] != distinct:
            self._last = distinct, self._of_distinct(distinct, batch_size)
        vectors = self._last[1]
        return vectors if len(distinct) == len(texts) else vectors[[place[text] for text in texts]]

    def _of_distinct(self, texts: list[str], batch_size: int) -> np.ndarray:
        if self._cache is None:
            return self._encode(texts, batch_size)
        keys = [text_key(text) for text in texts]
        known, vectors = self._cache.get(keys, self.width)
        missing = np.flatnonzero(~known)
        if len(missing):
            vectors[missing] = self._encode([texts[at] for at in missing], batch_size)
            self._cache.put([keys[at] for at in missing], vectors[missing])
        return vectors

    def _encode(self, texts: list[str], batch_size: int) -> np.ndarray:
        if not texts:
            return np.zeros((0, self.width), np.float32)
        return self.read_weights().encode(texts, batch_size)

    def read_weights(self) -> Encoder:
        """The encoder, its weights read by now: a server reads them at its start, and the folder may change later."""
        self._encoder = self._encoder or Encoder.load(self.directory, self.device)
        return self._encoder


def _silent(event: str, **fields: Any) -> None:
    """A cache that cannot be used costs time and nothing else: who scores has no run to tell it to."""
