"""Which rows came before: however often one is asked about, and however far apart, it is answered once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runner.contract import AskedRow

#: Distinct prompts that are remembered, about 50 MB. One that comes for the first time after them is scored anew in
#: each chunk that it is in; a kind with an embedding cache then still encodes it once.
REMEMBERED = 250_000


class Seen:
    """Where every distinct row stood first."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._first: dict[bytes, int] = {}
        self._room = remembered
        self._overflowed = False
        self._unlike = 0

    @property
    def distinct(self) -> int | None:
        """How many there were; None once there were more than are remembered."""
        return None if self._overflowed else len(self._first) + self._unlike

    def place(self, rows: Sequence[AskedRow], start: int) -> tuple[list[int], np.ndarray]:
        """A chunk that begins at row ``start``: the places in it that are to be answered, and, int64 ``[n]``, for each
        the number of the row whose answer it has."""
        fresh: list[int] = []
        origin = np.empty(len(rows), np.int64)
        here: dict[bytes, int] = {}
        for at, row in enumerate(rows):
            key = row.key()
            # A row without a key is answered anew each time.
            number = None if key is None else self._first.get(key, here.get(key))
            if number is None:
                number = start + at
                fresh.append(at)
                if key is None:
                    self._unlike += 1
                elif len(self._first) < self._room:
                    self._first[key] = number
                else:
                    here[key] = number
                    self._overflowed = True
            origin[at] = number
        return fresh, origin
