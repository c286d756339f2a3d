"""A table of numbers on disk: what answers with a width are kept in while an inference is unfinished."""

from __future__ import annotations

import os
from typing import IO

import numpy as np


class NumberTable:
    """float64 ``[width, rows]``, one line after the other in the file: an LLM's scores lie together."""

    def __init__(self, file: IO[bytes], width: int, rows: int) -> None:
        self._file, self._width, self._rows = file, width, rows

    def write(self, start: int, numbers: np.ndarray) -> None:
        """Put ``[width, n]`` in its place, from row ``start`` on."""
        for line, values in enumerate(numbers):
            self._file.seek(8 * (line * self._rows + start))
            self._file.write(np.ascontiguousarray(values, "<f8").tobytes())
        self._file.flush()

    def read(self, rows: np.ndarray) -> np.ndarray:
        """The numbers of some rows, by number: ``[width, len(rows)]``."""
        if not len(rows):
            return np.empty((self._width, 0))
        # A file cannot be mapped further than it goes: what is asked for here was written, in every line.
        whole = np.memmap(self._file, "<f8", "r", shape=(self._width, self._rows))
        return np.array(whole[:, rows])

    def column(self, line: int, start: int, stop: int) -> np.ndarray:
        """One line's numbers, rows ``start`` to ``stop``: float64 ``[stop - start]``."""
        self._file.seek(8 * (line * self._rows + start))
        return np.frombuffer(self._file.read(8 * (stop - start)), "<f8")

    def reserve(self) -> None:
        """Make the file as long as it will be."""
        self._file.truncate(self.size)

    @property
    def size(self) -> int:
        """Bytes of the whole table."""
        return 8 * self._width * self._rows

    def sync(self) -> None:
        """Wait until the disk has it."""
        self._file.flush()
        os.fsync(self._file.fileno())
