"""Files that nodes do not have: copied into the storage of runs under the checksum of their content, and found there.

A path in a run's documents is then ``runner-input:CHECKSUM/NAME``, which each node replaces by where it has the file:
in the shared folder itself, or in its cache, where it is brought once.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.engines import whole_folders
from runner.engines.storage import Storage
from runner.store.files import sha256_file

MARK = "runner-input:"
#: Below the storage's address, beside the runs.
FOLDER = "inputs"
_PLACE = re.compile(rf"{MARK}([0-9a-f]{{64}})/(.*)", re.DOTALL)


@dataclass(frozen=True)
class Input:
    """A file, or a folder of files, that a path of a run's documents names."""

    #: By their paths in it.
    files: Mapping[str, Path]
    #: What of the documents' path is below the folder of those; empty where it is that folder.
    rest: str

    def sums(self) -> dict[str, str]:
        """The sha256 (hex) of each file."""
        return {name: sha256_file(path) for name, path in sorted(self.files.items())}

    def checksum(self) -> str:
        """sha256 (hex) of the names and contents."""
        told = "\n".join(f"{digest}  {name}" for name, digest in self.sums().items())
        return hashlib.sha256(told.encode()).hexdigest()

    def content(self) -> str:
        """What tells it from other inputs, wherever it lies: of a single file its content alone, not its name."""
        if list(self.files) == [self.rest]:
            return f"sha256:{self.sums()[self.rest]}"
        return f"sha256:{self.checksum()}/{self.rest}"


def file_input(path: Path) -> Input:
    """A single file."""
    return Input({path.name: path}, path.name)


def folder_input(folder: Path, rest: str = "") -> Input:
    """All of a folder; ``rest`` is the part of the path below it that was named."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return Input({path.relative_to(folder).as_posix(): path for path in found}, rest)


def stage(storage: Storage, found: Input) -> str:
    """Copy an input there, if it is not there yet, and return what a document says for it."""
    digest = found.checksum()
    key = f"{FOLDER}/{digest}"
    if whole_folders.manifest(storage, key) is None:
        whole_folders.put_files(storage, {f"files/{name}": path for name, path in found.files.items()}, key)
    return f"{MARK}{digest}/{found.rest}"


def places(storage: Storage, documents: Iterable[Any], cache: Path) -> dict[str, str]:
    """Where this machine has each staged input that documents name: what they say -> its path.

    Brought into ``cache`` where the storage has no paths. Raises :class:`~runner.errors.IntegrityError` for one that is
    not what was put there.
    """
    found: dict[str, str] = {}
    for said in {text for document in documents for text in _strings(document)}:
        if (match := _PLACE.fullmatch(said)) is None:
            continue
        digest, rest = match.groups()
        folder = storage.local(f"{FOLDER}/{digest}/files")
        if folder is None:
            folder = _brought(storage, digest, cache)
        found[said] = str(folder / rest) if rest else str(folder)
    return found


def replaced(document: Any, changes: Mapping[str, str]) -> Any:
    """A document with each of these texts replaced, where it is a whole value."""
    if isinstance(document, str):
        return changes.get(document, document)
    if isinstance(document, dict):
        return {name: replaced(value, changes) for name, value in document.items()}
    if isinstance(document, list):
        return [replaced(value, changes) for value in document]
    return document


def _brought(storage: Storage, digest: str, cache: Path) -> Path:
    home = cache / digest
    if not home.exists():
        aside = cache / f".{digest}.partial"
        shutil.rmtree(aside, ignore_errors=True)
        whole_folders.get(storage, f"{FOLDER}/{digest}", aside)
        aside.rename(home)
    return home / "files"


def _strings(document: Any) -> Iterable[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict):
        for value in document.values():
            yield from _strings(value)
    elif isinstance(document, list):
        for value in document:
            yield from _strings(value)
