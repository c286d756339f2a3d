"""Where pictures lie: each is a stretch of bytes of a file, so that one is read when it is needed and none is held."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.data.images.pictures import PictureFault, decoded
from runner.errors import DataError

if TYPE_CHECKING:
    import numpy as np

#: Pictures that are decoded side by side; each may take a quarter of a GiB.
MOST_THREADS = 8
#: Pictures that a thread takes at a time, at most.
AT_ONCE = 8
WHOLE = -1


@dataclass(frozen=True)
class Pictures:
    """Some pictures by their places. Nothing of them is in memory but where they are."""

    files: tuple[Path, ...]
    #: Of each its file, where it begins there, and its bytes, :data:`WHOLE` for a file of its own: int64 ``[n]``.
    file: np.ndarray
    offset: np.ndarray
    length: np.ndarray
    #: What each is called: its path as the data has it.
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.file)

    def take(self, rows: np.ndarray) -> Pictures:
        """Some of them, by index."""
        names = tuple(self.names[at] for at in rows.tolist())
        return Pictures(self.files, self.file[rows], self.offset[rows], self.length[rows], names)

    def read(self, at: int) -> bytes:
        """The bytes of one. Raises :class:`PictureFault` where they cannot be read."""
        path, length = self.files[int(self.file[at])], int(self.length[at])
        try:
            with path.open("rb") as file:
                file.seek(int(self.offset[at]))
                return file.read() if length == WHOLE else file.read(length)
        except OSError as error:
            raise PictureFault("unreadable", f"it cannot be read: {error.strerror or error}") from None

    def decoded(self, at: int) -> Any:
        """One as a ``PIL.Image`` of mode RGB. Raises :class:`DataError` with its name: it was whole before."""
        try:
            return decoded(self.read(at))
        except PictureFault as fault:
            raise DataError(
                f"the picture was whole before, and is not now: {fault.message}",
                where=self.names[at],
                hint="it was changed or taken away while it was used: the same command again",
            ) from None


def side_by_side(work: Callable[[int], Any], items: Sequence[int], at_once: int | None = None) -> Iterator[Any]:
    """``work`` of every item, in their order, in threads: Pillow works outside of Python's lock."""
    threads = min(at_once or MOST_THREADS, MOST_THREADS, os.cpu_count() or 1, max(1, len(items)))
    if threads == 1:
        yield from map(work, items)
        return
    # A thread takes several: to hand one over takes as long as a small picture.
    size = min(AT_ONCE, -(-len(items) // threads))
    pieces = [items[at : at + size] for at in range(0, len(items), size)]
    with ThreadPoolExecutor(threads) as pool:
        # Two pieces a thread, so that results that nobody has taken do not pile up.
        for start in range(0, len(pieces), 2 * threads):
            for found in pool.map(lambda piece: list(map(work, piece)), pieces[start : start + 2 * threads]):
                yield from found
