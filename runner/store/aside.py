"""Files without a name, for what a process needs on disk as long as it lives: nothing of them is left, however it ends.

What lies there is no part of the process's memory. It is in the page cache as long as there is room, and counts as
memory where the folder's file system is one of memory (tmpfs).
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO

from runner.store.files import cannot_write


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
