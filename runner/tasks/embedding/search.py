"""The texts of a corpus that are nearest to a text: by vectors, or the first that words find, read together with it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runner.tasks.embedding.bm25 import Bm25
from runner.tasks.embedding.text_comparer import TextComparer, unit

#: Texts that words find, of which a model that reads pairs puts the best first.
CANDIDATES = 32
#: Queries whose similarities to all texts are held at once.
QUERIES = 256


class Corpus:
    """Texts that are searched by one model."""

    def __init__(self, predictor: TextComparer, texts: Sequence[str], batch_size: int, dimensions: int | None = None):
        self.texts = list(texts)
        self._predictor, self._batch_size, self._dimensions = predictor, batch_size, dimensions
        self._vectors = (
            unit(predictor.encode(self.texts, batch_size, dimensions, "positive")) if predictor.embeds else None
        )
        self._words = None if predictor.embeds else Bm25(self.texts)

    def nearest(self, queries: Sequence[str], count: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each query the places of the nearest texts, the nearest first, and how near they are."""
        if self._words is not None:
            return self._read_together(queries, count, self._words)
        assert self._vectors is not None
        found = []
        for start in range(0, len(queries), QUERIES):
            asked = unit(self._predictor.encode(queries[start : start + QUERIES], self._batch_size, self._dimensions))
            for row in asked @ self._vectors.T:
                places = np.argsort(-row, kind="stable")[:count]
                found.append((places, row[places]))
        return found

    def _read_together(self, queries: Sequence[str], count: int, by_words: Bm25) -> list[tuple[np.ndarray, np.ndarray]]:
        candidates = [by_words.first(query, max(count, CANDIDATES)) for query in queries]
        pairs = [(query, self.texts[at]) for query, places in zip(queries, candidates, strict=True) for at in places]
        scores = self._predictor.similarities(pairs, self._batch_size) if pairs else np.zeros(0)
        found, start = [], 0
        for places in candidates:
            own = scores[start : start + len(places)]
            start += len(places)
            order = np.argsort(-own, kind="stable")[:count]
            found.append((places[order], own[order]))
        return found
