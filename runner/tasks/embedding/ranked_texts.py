"""How high a search puts the texts that belong to a query: reciprocal rank, recall and nDCG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from runner.data.dialogues.row_types import PairRow


class Searched(Protocol):
    """Texts that can be searched (:class:`~runner.tasks.embedding.search.Corpus`)."""

    def nearest(self, queries: Sequence[str], count: int) -> list[tuple[np.ndarray, np.ndarray]]: ...


@dataclass(frozen=True)
class Wanted:
    """Queries, all texts that are searched, and the places of those that belong to each query."""

    queries: list[str]
    texts: list[str]
    belong: list[set[int]]


@dataclass(frozen=True)
class Retrieval:
    """What was found, query by query: float64 ``[queries]`` each."""

    asked: Wanted
    #: 1 / rank of the first text that belongs, 0 beyond the tenth.
    reciprocal: np.ndarray
    ndcg: np.ndarray
    recall_at_1: np.ndarray
    recall_at_10: np.ndarray
    #: The rank of the first text that belongs, from 1; 0 where it was not found. And the text that was found first.
    rank: np.ndarray
    first: np.ndarray

    def figures(self) -> dict[str, float | None]:
        """Their means."""
        named = {
            "mrr_at_10": self.reciprocal,
            "ndcg_at_10": self.ndcg,
            "recall_at_1": self.recall_at_1,
            "recall_at_10": self.recall_at_10,
        }
        return {name: float(values.mean()) if len(values) else None for name, values in named.items()}


def wanted(rows: Sequence[PairRow]) -> Wanted:
    """Every distinct anchor is a query; the texts of all rows, negatives too, are searched for those beside it."""
    texts = list(dict.fromkeys(text for row in rows for text in (row.positive, *row.negatives)))
    place = {text: at for at, text in enumerate(texts)}
    belong: dict[str, set[int]] = {}
    for row in rows:
        belong.setdefault(row.anchor, set()).add(place[row.positive])
    return Wanted(list(belong), texts, list(belong.values()))


def retrieval(asked: Wanted, searched: Callable[[Sequence[str]], Searched], depth: int) -> Retrieval:
    """Search the texts for each query. ``searched`` makes them searchable; the first ``depth`` are looked at."""
    count = len(asked.queries)
    reciprocal, ndcg, at_1, at_10 = (np.zeros(count) for _ in range(4))
    rank, first = np.zeros(count, np.int64), np.zeros(count, np.int64)
    found = searched(asked.texts).nearest(asked.queries, depth)
    for at, ((places, _), belong) in enumerate(zip(found, asked.belong, strict=True)):
        hits = np.array([place in belong for place in places.tolist()], bool)
        first[at] = places[0] if len(places) else 0
        ranks = np.flatnonzero(hits) + 1
        if not len(ranks):
            continue
        rank[at] = ranks[0]
        reciprocal[at] = 1 / ranks[0] if ranks[0] <= 10 else 0.0
        near = ranks[ranks <= 10]
        ideal = (1 / np.log2(np.arange(1, min(len(belong), 10) + 1) + 1)).sum()
        ndcg[at] = (1 / np.log2(near + 1)).sum() / ideal
        at_1[at] = float(ranks[0] == 1)
        at_10[at] = len(near) / len(belong)
    return Retrieval(asked, reciprocal, ndcg, at_1, at_10, rank, first)


def by_words(asked: Wanted, depth: int) -> Retrieval:
    """The same by BM25."""
    from runner.tasks.embedding.bm25 import Bm25

    class Words:
        def __init__(self, texts: Sequence[str]) -> None:
            self._texts = Bm25(texts)

        def nearest(self, queries: Sequence[str], count: int) -> list[tuple[np.ndarray, np.ndarray]]:
            return [(self._texts.first(query, count), np.zeros(0)) for query in queries]

    return retrieval(asked, Words, depth)
