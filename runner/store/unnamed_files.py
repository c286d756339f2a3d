"""Files without a name, for what a process needs on disk as long as it lives: nothing of them is left, however it ends.

What lies there is no part of the process's memory. It is in the page cache as long as there is room, and counts as
memory where the folder's file system is one of memory (tmpfs).
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from runner.store.files import cannot_write

if TYPE_CHECKING:
    import numpy as np

#: Values that are looked at together where all of a mapped file are.
PART = 2**16


def open_aside(folder: Path) -> IO[bytes]:
    """An empty file on the folder's disk, to write and to read, without a buffer. The folder is made if need be.

    Raises :class:`~runner.errors.EnvironmentProblem` where the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=folder, buffering=0)
    except OSError as error:
        raise cannot_write(folder, error) from error


def add(file: IO[bytes], data: bytes | bytearray | memoryview, folder: Path) -> None:
    """Write all of ``data`` at the end of a file of :func:`open_aside`.

    Raises :class:`~runner.errors.EnvironmentProblem` where the disk is full.
    """
    left = memoryview(data)
    try:
        while left:
            left = left[file.write(left) :]
    except OSError as error:
        raise cannot_write(folder, error) from error


def mapped(file: IO[bytes], dtype: Any) -> np.ndarray:
    """All of a file of :func:`open_aside`, which is not empty, as values of a type. The system reads them when they are
    looked at, and takes their memory back when it is short of it."""
    import numpy as np

    return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), dtype)


def parts(values: np.ndarray) -> Iterator[np.ndarray]:
    """All values one after the other, :data:`PART` at a time. Of a mapped file only the part that is looked at counts
    as the process's memory."""
    held = values
    while not isinstance(held, mmap.mmap) and (below := getattr(held, "base", getattr(held, "obj", None))) is not None:
        held = below
    for at in range(0, len(values), PART):
        yield values[at : at + PART]
        if isinstance(held, mmap.mmap):
            held.madvise(mmap.MADV_DONTNEED)
