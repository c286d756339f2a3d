"""Pictures that lie inside of other files, of Parquet or an archive, laid out one behind the other in the cache.

Any of them can then be read alone, in whatever order a training asks, which such files do not allow.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from runner.errors import DataError
from runner.store.files import cannot_write


class PackedPictures:
    """The file of the cache that holds them, made while its sources are read, or there from before.

    It is called by its sources' paths, sizes and times, so that a training that goes on finds it again.
    """

    def __init__(self, cache: Path, sources: Sequence[Path]) -> None:
        told = hashlib.sha256()
        for source in sources:
            state = source.stat()
            told.update(f"{source.resolve()}\0{state.st_size}\0{state.st_mtime_ns}\0".encode())
        self.path = cache / "pictures" / f"{told.hexdigest()[:32]}.bin"
        self._there = self.path.stat().st_size if self.path.is_file() else None
        self._size = 0
        self._file: IO[bytes] | None = None
        self._aside = self.path

    def add(self, data: bytes) -> tuple[int, int]:
        """Lay down the next picture: where it begins, and its bytes."""
        if self._there is None:
            try:
                if self._file is None:
                    self.path.parent.mkdir(parents=True, exist_ok=True)
                    descriptor, name = tempfile.mkstemp(prefix=f".{self.path.stem}-", dir=self.path.parent)
                    self._file, self._aside = os.fdopen(descriptor, "wb"), Path(name)
                self._file.write(data)
            except OSError as error:
                raise cannot_write(self.path, error) from error
        self._size += len(data)
        return self._size - len(data), len(data)

    def finish(self) -> None:
        """Put the file in its place. Raises :class:`DataError` if one that was there is not of these sources."""
        if self._there is not None and self._there != self._size:
            self.path.unlink(missing_ok=True)
            raise DataError(
                "what was unpacked before is not what is here now", where=str(self.path),
                hint="it was taken away: the same command again",
            )  # fmt: skip
        if self._file is not None:
            try:
                self._file.close()
                self._aside.replace(self.path)
            except OSError as error:
                raise cannot_write(self.path, error) from error
            self._file = None

    def abandon(self) -> None:
        """Take away what is not whole."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._aside.unlink(missing_ok=True)
            self._file = None
