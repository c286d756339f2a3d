"""Texts as token numbers, kept once for a whole training, and the batches that pad little."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from runner.store import unnamed_files

#: So many batches are sorted by length at a time: enough for little padding, few enough that a batch stays a draw.
MEGA = 32
#: Bytes of tokens that are held in memory: more lie on disk, where there is a folder for them.
HELD = 2 * 2**20


@dataclass(frozen=True)
class Tokens:
    """The tokens of ``n`` texts, one behind the other: text ``i`` is ``ids[ends[i] : ends[i + 1]]``."""

    #: int32 ``[all tokens]``, but where it is said otherwise.
    ids: np.ndarray
    #: int64 ``[n + 1]``.
    ends: np.ndarray

    @classmethod
    def of(cls, lists: Iterable[Sequence[int]]) -> Tokens:
        """From a list of token numbers a text."""
        found = TokenWriter()
        found.add(lists)
        return found.done()

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, at: int) -> np.ndarray:
        """One of them."""
        return self.ids[self.ends[at] : self.ends[at + 1]]

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[at] for at in range(len(self)))

    @property
    def nbytes(self) -> int:
        """Their bytes, wherever they lie."""
        return self.ids.nbytes + self.ends.nbytes

    @property
    def largest(self) -> int:
        """The greatest token number; 0 of none."""
        return max((int(some.max()) for some in unnamed_files.parts(self.ids)), default=0)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens a text, int64 ``[n]``."""
        return np.diff(self.ends)

    def added(self, value: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """What is made of the numbers (float64 of each), added up by text: float64 ``[n]``.

        They are gone through part by part, so that few of them are in memory.
        """
        sums, done, before = np.zeros(len(self.ends)), 0, 0.0
        for part in unnamed_files.parts(self.ids):
            running = np.cumsum(np.concatenate([[before], value(part)]))
            first, last = np.searchsorted(self.ends, (done + 1, done + len(part) + 1))
            sums[first:last] = running[self.ends[first:last] - done]
            done, before = done + len(part), float(running[-1])
        return np.diff(sums)

    def padded(self, rows: np.ndarray, padding: int) -> tuple[np.ndarray, np.ndarray]:
        """The texts ``rows`` as one batch, padded at the right: ids and mask, int64 ``[len(rows), longest]``."""
        starts, lengths = self.ends[rows], self.lengths[rows]
        columns = np.arange(int(lengths.max(initial=1)))
        mask = columns < lengths[:, None]
        ids = np.full(mask.shape, padding, np.int64)
        ids[mask] = self.ids[(starts[:, None] + columns)[mask]]
        return ids, mask.astype(np.int64)


class TokenWriter:
    """Makes :class:`Tokens` of lists as they come: 4 bytes a token. With a ``folder``, many of them lie in a file there
    that has no name and is mapped: the system takes their memory back when it is short of it.

    ``kind`` is what an :class:`array.array` calls the numbers, where they are others than int32: ``f``, ``b``, ``q``.
    """

    def __init__(self, folder: Path | None = None, kind: str = "i") -> None:
        self._folder, self._kind = folder, kind
        self._file: IO[bytes] | None = None
        self._next: array[Any] = array(kind)
        self._ends = array("q", [0])

    def __len__(self) -> int:
        return len(self._ends) - 1

    def add(self, lists: Iterable[Sequence[int] | Sequence[float]]) -> None:
        """The tokens of texts, behind those before.

        Raises :class:`~runner.errors.EnvironmentProblem` for a full disk.
        """
        for tokens in lists:
            self._next.extend(tokens)
            self._ends.append(self._ends[-1] + len(tokens))
            if self._folder is not None and len(self._next) * self._next.itemsize > HELD:
                self._file = self._file or unnamed_files.open_aside(self._folder)
                self._write(self._file, self._folder)

    def _write(self, file: IO[bytes], folder: Path) -> None:
        unnamed_files.add(file, memoryview(self._next).cast("B"), folder)
        self._next = array(self._kind)

    def done(self) -> Tokens:
        """All of them."""
        if self._file is not None and self._folder is not None:
            if self._next:
                self._write(self._file, self._folder)
            ids = unnamed_files.mapped(self._file, self._kind)
        else:
            ids = np.frombuffer(self._next, self._kind) if self._next else np.zeros(0, self._kind)
        return Tokens(ids, np.frombuffer(self._ends, np.int64))


def grouped_by_length(
    order: Callable[[np.random.Generator], np.ndarray], lengths: np.ndarray, batch_size: int
) -> Callable[[np.random.Generator], np.ndarray]:
    """An epoch's rows so that every batch has rows of similar length.

    ``order`` draws the epoch's rows; ``lengths`` (``[n]``) is by row. Stretches of ``MEGA`` batches are sorted by
    length, longest first, cut into batches, and the batches are shuffled, with the same generator: the rows of an epoch
    stay those that ``order`` drew, and are a function of the generator alone. A batch that is not full comes last.
    """

    def rows(rng: np.random.Generator) -> np.ndarray:
        drawn = order(rng)
        stretch = batch_size * MEGA
        parts = [drawn[at : at + stretch] for at in range(0, len(drawn), stretch)]
        sorted_ = np.concatenate([part[np.argsort(-lengths[part], kind="stable")] for part in parts] or [drawn])
        whole = len(sorted_) // batch_size * batch_size
        batches = sorted_[:whole].reshape(-1, batch_size)
        return np.concatenate([batches[rng.permutation(len(batches))].ravel(), sorted_[whole:]])

    return rows
