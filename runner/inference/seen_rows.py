"""Which prompts came before: however often one is asked about, and however far apart, it is scored once."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from runner.data.prompt_rows import Row

#: Distinct prompts that are remembered, about 50 MB. One that comes for the first time after them is scored anew in
#: each chunk that it is in; a kind with an embedding cache then still encodes it once.
REMEMBERED = 250_000


class Seen:
    """Where every distinct (prompt, history, category tags) stood first."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._first: dict[bytes, int] = {}
        self._room = remembered
        self._overflowed = False

    @property
    def distinct(self) -> int | None:
        """How many there were; None once there were more than are remembered."""
        return None if self._overflowed else len(self._first)

    def place(self, rows: Sequence[Row], start: int) -> tuple[list[int], np.ndarray]:
        """A chunk that begins at prompt ``start``: the places in it that are to be scored, and, int64 ``[n]``, for each
        the number of the prompt whose score it has."""
        fresh: list[int] = []
        origin = np.empty(len(rows), np.int64)
        here: dict[bytes, int] = {}
        for at, row in enumerate(rows):
            key = _key(row)
            number = self._first.get(key, here.get(key))
            if number is None:
                number = start + at
                fresh.append(at)
                if len(self._first) < self._room:
                    self._first[key] = number
                else:
                    here[key] = number
                    self._overflowed = True
            origin[at] = number
        return fresh, origin


def _key(row: Row) -> bytes:
    told = blake2b(row.prompt.encode(), digest_size=16)
    for text in row.history:
        # The length in front: no two histories are the same run of bytes.
        told.update(f"\x00{len(text)}:".encode() + text.encode())
    if row.tags:
        told.update(f"\x01{row.tags}".encode())
    return told.digest()
