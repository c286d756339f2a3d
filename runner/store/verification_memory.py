"""What was found whole, remembered: a file that has not changed since it was hashed is not hashed again.

A file counts as unchanged by its size, its inode, its device, and the times of its contents and of its entry, the last
of which nobody can set. What changed less than :data:`SETTLED` before it was looked at is not remembered, because it
could change again within the clock's grain (as in git's index, "racy" entries).

A file that several models hold under names of their own changes its entry's time with every name that it gets or
loses. So that it is hashed once after that, and not once for every model, such a file is remembered by itself too.
"""

from __future__ import annotations

import contextlib
import os
import time
from hashlib import sha256
from pathlib import Path

from runner.errors import RunnerError
from runner.store.files import read_json, sha256_file, write_json

#: Seconds; the coarsest clock of a file system in use (FAT) goes by two.
SETTLED = 2.5
#: The folder in the cache.
FOLDER = "verified"
#: What a document that cannot be used is answered with.
UNREADABLE = (RunnerError, OSError, KeyError, TypeError, ValueError, AttributeError)
#: Size, inode, device, mtime and ctime in nanoseconds.
Stamp = list[int]


class VerificationMemory:
    """The checksums of one stored model's files, with how the files looked. One JSON file in the cache, replaced as a
    whole: of two writers the later one stays, and both are right. Without a cache to write into nothing is kept."""

    def __init__(self, cache: Path, folder: Path, manifest: str) -> None:
        """``manifest`` is the manifest's own checksum: with another one, nothing is remembered."""
        where = os.path.realpath(folder)
        self._place = cache / FOLDER / f"{sha256(where.encode('utf-8', 'surrogateescape')).hexdigest()[:32]}.json"
        self._facts = {"folder": where, "manifest": manifest}
        self._known: dict[str, tuple[Stamp, str]] = {}
        self._fresh: dict[str, tuple[Stamp, str]] = {}
        #: What was hashed now of files that have several names.
        self._linked: list[tuple[Stamp, str]] = []
        with contextlib.suppress(*UNREADABLE):
            document = read_json(self._place)
            if {key: document.get(key) for key in self._facts} == self._facts:
                self._known = {name: (list(stamp), str(digest)) for name, (stamp, digest) in document["files"].items()}

    def checksum(self, name: str, path: Path) -> str:
        """The file's sha256 (hex): remembered, or computed now. Raises OSError."""
        now = time.time()
        before = _stamp(path)
        stamp, digest = self._known.get(name, ([], ""))
        if stamp == before:
            self._fresh[name] = (before, digest)
            return digest
        linked = path.stat().st_nlink > 1
        if linked and (known := self._of_linked(before)) is not None:
            self._fresh[name] = (before, known)
            return known
        digest = sha256_file(path)
        settled = max(before[3], before[4]) < (now - SETTLED) * 1e9
        if settled and _stamp(path) == before:
            self._fresh[name] = (before, digest)
            if linked:
                self._linked.append((before, digest))
        return digest

    def keep(self) -> None:
        """Write down what this verification found. Only what was compared with the manifest may be kept."""
        if self._fresh != self._known:
            with contextlib.suppress(RunnerError, OSError):
                write_json(self._place, self._facts | {"files": self._fresh})
        for stamp, digest in self._linked:
            with contextlib.suppress(RunnerError, OSError):
                write_json(self._linked_place(stamp), {"stamp": stamp, "sha256": digest})

    def _of_linked(self, stamp: Stamp) -> str | None:
        """The checksum of a file that was hashed under another name, and looks as it did then."""
        with contextlib.suppress(*UNREADABLE):
            document = read_json(self._linked_place(stamp))
            if document["stamp"] == stamp:
                return str(document["sha256"])
        return None

    def _linked_place(self, stamp: Stamp) -> Path:
        return self._place.with_name(f"linked-{stamp[2]}-{stamp[1]}.json")


def _stamp(path: Path) -> Stamp:
    at = path.stat()
    return [at.st_size, at.st_ino, at.st_dev, at.st_mtime_ns, at.st_ctime_ns]
