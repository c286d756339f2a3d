"""Folders in a storage that are there whole or not at all: a manifest with sizes and checksums is written last."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from runner.engines.run_root import as_bytes, checksum
from runner.engines.storage import Storage
from runner.errors import IntegrityError
from runner.store.files import sha256_file
from runner.store.typed_documents import Misfit, TypedDocument

MANIFEST = "MANIFEST.json"


@dataclass(frozen=True, kw_only=True)
class FileFacts(TypedDocument):
    """One file: its size in bytes, and its sha256, hex."""

    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class FolderManifest(TypedDocument):
    """``MANIFEST.json``: every file of a folder by its path in it."""

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"seconds"})

    files: Mapping[str, FileFacts] = field(default_factory=dict)
    #: How long it took to put it there.
    seconds: float | None = None


def put(storage: Storage, folder: Path, key: str) -> str:
    """Copy a local folder there, its manifest last. Returns the manifest's sha256, hex. Raises what the storage raises,
    and :class:`FileNotFoundError` for a file that went away meanwhile."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return put_files(storage, {path.relative_to(folder).as_posix(): path for path in found}, key)


def put_files(storage: Storage, files: Mapping[str, Path], key: str) -> str:
    """The same of files wherever they lie, by what they are called there."""
    begun = time.monotonic()
    facts = {}
    for name, path in files.items():
        storage.put_file(path, f"{key}/{name}")
        facts[name] = FileFacts(size=path.stat().st_size, sha256=sha256_file(path))
    data = as_bytes(FolderManifest(files=facts, seconds=round(time.monotonic() - begun, 3)))
    storage.write(f"{key}/{MANIFEST}", data)
    return checksum(data)


def manifest(storage: Storage, key: str) -> FolderManifest | None:
    """The manifest of a folder; None where it is not there: the folder is not whole. Raises :class:`IntegrityError`."""
    data = storage.read(f"{key}/{MANIFEST}")
    if data is None:
        return None
    try:
        return FolderManifest.from_document(json.loads(data))
    except (Misfit, ValueError) as error:
        raise IntegrityError(f"not a manifest: {error}", where=_place(storage, f"{key}/{MANIFEST}")) from None


def get(storage: Storage, key: str, folder: Path, *, expected: str | None = None) -> None:
    """Copy a whole folder here and check every byte.

    ``expected`` is the sha256 (hex) that its manifest has to have. Raises :class:`IntegrityError` for a folder that is
    not whole, or not what was put there.
    """
    data = storage.read(f"{key}/{MANIFEST}")
    if data is None:
        raise IntegrityError("the folder is not whole: it has no manifest", where=_place(storage, key))
    if expected is not None and checksum(data) != expected:
        raise IntegrityError("this is not the manifest that was written", where=_place(storage, f"{key}/{MANIFEST}"))
    found = manifest(storage, key)
    assert found is not None
    folder.mkdir(parents=True, exist_ok=True)
    for name, facts in found.files.items():
        target = folder / name
        if not target.resolve().is_relative_to(folder.resolve()):
            raise IntegrityError("a manifest names a file outside its folder", where=_place(storage, f"{key}/{name}"))
        if not storage.get_file(f"{key}/{name}", target):
            raise IntegrityError("the file is missing", where=_place(storage, f"{key}/{name}"))
        if target.stat().st_size != facts.size or sha256_file(target) != facts.sha256:
            raise IntegrityError("the checksum does not match", where=_place(storage, f"{key}/{name}"))


def _place(storage: Storage, key: str) -> str:
    return f"{storage.address.rstrip('/')}/{key}"
