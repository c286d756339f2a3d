"""A content-addressed cache of embeddings on disk: one row per (encoder, text), shared by many processes.

One SQLite file per encoder. The rollback journal is used rather than the write-ahead log, whose shared memory does
not work on every mounted folder. It is only a cache: what is wrong with it is said, and never stops a run.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

#: SQLite takes this many parameters in one statement on every build.
CHUNK = 500


def text_key(text: str) -> bytes:
    """The SHA-256 of a text. Half characters, as a shell may hand over, have one too."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


class EmbeddingCache:
    """The vectors of one encoder. ``emit`` gets one warning when the cache has to be rebuilt or cannot be used."""

    def __init__(self, directory: Path, encoder: str, emit: Callable[..., None]) -> None:
        self.path = directory / f"{encoder}.sqlite"
        self._emit = emit
        self._usable = True
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._give_up(f"{error.strerror or error}")

    def get(self, keys: Sequence[bytes], width: int) -> tuple[np.ndarray, np.ndarray]:
        """What is known of these texts: bool ``[n]``, and float32 ``[n, width]`` with zeros elsewhere."""
        known, vectors = np.zeros(len(keys), bool), np.zeros((len(keys), width), np.float32)
        place = {key: at for at, key in enumerate(keys)}

        def look(connection: sqlite3.Connection) -> None:
            for key, vector in self._whole(connection, keys, width):
                if vector is not None:
                    known[place[key]], vectors[place[key]] = True, vector

        self._transact(look)
        return known, vectors

    def put(self, keys: Sequence[bytes], vectors: np.ndarray) -> None:
        """Add vectors, float32 ``[n, width]``; one transaction, and the first to write a key keeps it.

        Two runs that embed a text at the same time do so in different batches, whose sums differ in their last digits:
        whoever reads afterwards, reads the same. A damaged row is written anew.
        """
        blobs = [np.ascontiguousarray(vector, "<f4").tobytes() for vector in vectors]
        rows = {key: (key, blob, zlib.crc32(blob)) for key, blob in zip(keys, blobs, strict=True)}

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("BEGIN IMMEDIATE")
            for key, vector in self._whole(connection, keys, vectors.shape[1]):
                if vector is not None:
                    rows.pop(key, None)
            connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows.values())

        self._transact(write)

    def _whole(
        self, connection: sqlite3.Connection, keys: Sequence[bytes], width: int
    ) -> Iterator[tuple[bytes, np.ndarray | None]]:
        """The rows that there are: key and vector, None for a damaged one."""
        for start in range(0, len(keys), CHUNK):
            some = keys[start : start + CHUNK]
            marks = ",".join("?" * len(some))
            query = f"SELECT text, vector, crc FROM vectors WHERE text IN ({marks})"  # noqa: S608
            for key, blob, crc in connection.execute(query, some).fetchall():
                # A flipped bit would go unseen into a model: such a row is computed again.
                whole = isinstance(blob, bytes) and len(blob) == 4 * width and zlib.crc32(blob) == crc
                yield key, np.frombuffer(blob, "<f4") if whole else None

    def _transact(self, work: Callable[[sqlite3.Connection], object]) -> None:
        """Do one transaction, or nothing where the cache cannot be used. SQLite's errors end here, as a warning."""
        if not self._usable:
            return
        try:
            with contextlib.closing(self._open()) as connection:
                work(connection)
                connection.commit()
        except sqlite3.OperationalError as error:
            # Locked for too long, no space, a read-only file system: all of them leave the file as it was.
            self._give_up(str(error))
        except sqlite3.DatabaseError as error:
            self._set_aside(str(error))

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=60)
        try:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS vectors (text BLOB PRIMARY KEY, vector BLOB NOT NULL, crc INTEGER NOT NULL)"
            )
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_aside(self, why: str) -> None:
        aside = self.path.with_name(f"{self.path.name}.corrupt-{int(time.time())}")
        try:
            self.path.rename(aside)
            self.path.with_name(self.path.name + "-journal").unlink(missing_ok=True)
        except FileNotFoundError:
            return  # another process was quicker
        except OSError as error:
            self._give_up(f"{why}; {error.strerror or error}")
            return
        self._emit("warning", message=f"the embedding cache was damaged ({why}): rebuilt, the old file is {aside}")

    def _give_up(self, why: str) -> None:
        if self._usable:
            self._usable = False
            self._emit("warning", message=f"the embedding cache {self.path} cannot be used ({why}): working without it")
