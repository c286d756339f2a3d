"""The nearest of many vectors by cosine: all of them looked through, or those of the nearest cells.

The cells are those of spherical k-means (Dhillon and Modha, 2001); looking through a few of them is the inverted file
of Sivic and Zisserman, "Video Google", ICCV 2003.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

#: Cosines held at once.
AT_ONCE = 1 << 23
#: Queries that are looked up at once.
QUERIES = 256
#: Passes of k-means, and vectors a cell that it learns from.
PASSES, LEARNT_FROM = 8, 64


@dataclass(frozen=True)
class Cells:
    """Vectors by the nearest of ``C`` centres: those of cell ``c`` are ``members[starts[c] : starts[c + 1]]``."""

    centres: np.ndarray  # float32 [C, d], of unit length
    members: np.ndarray  # int64 [N]
    starts: np.ndarray  # int64 [C + 1]

    @classmethod
    def of(cls, vectors: np.ndarray, seed: int) -> Cells:
        """About the square root of their number, from k-means on a sample of them."""
        rng = np.random.default_rng(seed)
        count = max(1, round(np.sqrt(len(vectors))))
        sample = vectors[np.sort(rng.permutation(len(vectors))[: count * LEARNT_FROM])].astype(np.float32)
        centres = sample[np.sort(rng.permutation(len(sample))[:count])]
        for _ in range(PASSES):
            near = _nearest_centre(sample, centres)
            sums = np.zeros_like(centres)
            np.add.at(sums, near, sample)
            # A centre without members stays where it is.
            taken = np.bincount(near, minlength=count) > 0
            centres[taken] = unit(sums[taken])
        near = _nearest_centre(vectors, centres)
        starts = np.searchsorted(near[order := np.argsort(near, kind="stable")], np.arange(count + 1))
        return cls(centres, order.astype(np.int64), starts.astype(np.int64))

    def tensors(self) -> dict[str, np.ndarray]:
        """What an artifact holds of them."""
        return {"cell_centres": self.centres, "cell_members": self.members, "cell_starts": self.starts}

    @classmethod
    def read(cls, tensors: Mapping[str, Any]) -> Cells | None:
        """What :meth:`tensors` gave; None where there are none."""
        if "cell_centres" not in tensors:
            return None
        return cls(*(np.asarray(tensors[name]) for name in ("cell_centres", "cell_members", "cell_starts")))


@dataclass(frozen=True)
class Vectors:
    """Vectors to be searched: float16 ``[N, d]`` of unit length, and their cells where they are too many for all."""

    vectors: np.ndarray
    cells: Cells | None = None
    #: Cells that are looked through for each query.
    probes: int = 1

    def nearest(self, queries: np.ndarray, k: int, without: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The ``k`` nearest of each query ``[Q, d]``, nearest first: int64 and float32 ``[Q, k]``, place and cosine.

        Where fewer were found the place is -1 and the cosine -inf. ``without`` is int ``[Q]``: a place that is not to
        be found for the query, -1 for none; so a vector's own neighbours are found.
        """
        queries = unit(np.asarray(queries, np.float32))
        k = min(k, len(self.vectors))
        without = np.full(len(queries), -1) if without is None else without
        places, cosines = np.empty((len(queries), k), np.int64), np.empty((len(queries), k), np.float32)
        look = self._through_all if self.cells is None else self._through_cells
        for start in range(0, len(queries), QUERIES):
            some = slice(start, start + QUERIES)
            found = _Best(len(queries[some]), k, without[some])
            look(queries[some], found.add)
            places[some], cosines[some] = found.places, found.cosines
        return places, cosines

    def _through_all(self, queries: np.ndarray, add: Callable[..., None]) -> None:
        block = max(1, AT_ONCE // len(queries))
        for start in range(0, len(self.vectors), block):
            part = self.vectors[start : start + block].astype(np.float32)
            add(np.arange(len(queries)), queries @ part.T, np.arange(start, start + len(part)))

    def _through_cells(self, queries: np.ndarray, add: Callable[..., None]) -> None:
        cells = self.cells
        assert cells is not None
        probes = min(self.probes, len(cells.centres))
        close = queries @ cells.centres.T
        wanted = np.argpartition(-close, probes - 1, axis=1)[:, :probes]
        for cell in np.unique(wanted):
            members = cells.members[cells.starts[cell] : cells.starts[cell + 1]]
            asking = np.flatnonzero((wanted == cell).any(axis=1))
            if len(members):
                add(asking, queries[asking] @ self.vectors[members].astype(np.float32).T, members)


class _Best:
    """The nearest that were found so far of some queries."""

    def __init__(self, queries: int, k: int, without: np.ndarray) -> None:
        self.places = np.full((queries, k), -1, np.int64)
        self.cosines = np.full((queries, k), -np.inf, np.float32)
        self._without = without

    def add(self, rows: np.ndarray, cosines: np.ndarray, places: np.ndarray) -> None:
        """Cosines ``[len(rows), n]`` of some of the queries with the vectors at ``places``, ``[n]``."""
        k = self.places.shape[1]
        cosines = np.where(places[None, :] == self._without[rows, None], -np.inf, cosines)
        few = torch.topk(torch.from_numpy(cosines), min(k, cosines.shape[1]), dim=1)
        values = np.concatenate([self.cosines[rows], few.values.numpy()], axis=1)
        found = np.concatenate([self.places[rows], places[few.indices.numpy()]], axis=1)
        found = np.where(np.isneginf(values), -1, found)
        # The nearest first; of equally near ones the one that stands first among the vectors.
        order = np.lexsort((found, -values), axis=1)[:, :k]
        self.cosines[rows] = np.take_along_axis(values, order, axis=1)
        self.places[rows] = np.take_along_axis(found, order, axis=1)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors of length one, ``[n, d]``; those of length zero stay."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length > 0, length, 1.0)


def searched_vectors(embeddings: np.ndarray, prompt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The vectors to search, float16 ``[N, d]``, and which one each of the data's prompts is, -1 for none of them.

    Prompts that embed alike, such as two that differ in their case, are one: which of them is nearest would be chance.
    """
    mine = np.unique(prompt)
    vectors = unit(embeddings[mine]).astype(np.float16)
    rows = np.ascontiguousarray(vectors).view(np.dtype((np.void, vectors.dtype.itemsize * vectors.shape[1]))).ravel()
    _, first, which = np.unique(rows, return_index=True, return_inverse=True)
    # In the order of the data.
    order = np.argsort(first)
    number = np.empty(len(first), np.int64)
    number[order] = np.arange(len(first))
    entry = np.full(len(embeddings), -1, np.int64)
    entry[mine] = number[which]
    return vectors[first[order]], entry


def _nearest_centre(vectors: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """int64 ``[N]``, a bounded number of vectors at a time."""
    block = max(1, AT_ONCE // len(centres))
    parts = [
        (vectors[start : start + block].astype(np.float32) @ centres.T).argmax(axis=1)
        for start in range(0, len(vectors), block)
    ]
    return np.concatenate(parts)
