"""Files that several stored models hold, such as a sentence encoder: on the disk once, under a name in each folder.

The manifests have the sha256 of every file, so they are the index by content: there is no pool beside the models that
could be out of step with them. What a new model shares with a stored one becomes a hard link. Every folder stays whole
by itself, and the bytes are free again with the last folder that holds them, however it is removed. A file with
several names is read-only, because who writes into it changes every model that holds it; the checksums find that.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from runner.errors import NotFoundError, RunnerError
from runner.store.files import cannot_write, set_mode, sha256_file, sync_folder
from runner.store.manifest import NAME, FileRecord
from runner.store.model_lookup import StoredModel, listing

#: Bytes from which on a file is worth a second name.
SHARED_FROM = 2**16
#: What a link to an open file is answered with where only a copy will do: another file system, one without links, a
#: file of another user's, one that has as many names as it can.
NO_LINK = {errno.EXDEV, errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
#: The new name before it is put in its place; outside of the model's folder, where nothing but its files may be.
ASIDE = ".link"


@dataclass(frozen=True)
class Copies:
    """Files of stored models with the same bytes, as their manifests say, that are on the disk several times."""

    #: The models of which a file is one of them.
    models: list[StoredModel]
    #: How many files there are too many, and what they take on the disk.
    files: int
    bytes: int


def copies(store: Path) -> Copies:
    """What could be shared and is not, on one file system each: of models that were stored before files were shared,
    or copied into the store."""
    inodes: dict[tuple[str, int], dict[int, int]] = {}
    holders: dict[tuple[str, int], list[StoredModel]] = {}
    for model in listing(store):
        try:
            files = model.manifest().files
        except RunnerError:
            continue
        for name, record in files.items():
            path = model.path / name
            if record.bytes < SHARED_FROM or path.is_symlink() or not path.is_file():
                continue
            at = path.stat()
            inodes.setdefault((record.sha256, at.st_dev), {})[at.st_ino] = at.st_blocks * 512
            holders.setdefault((record.sha256, at.st_dev), []).append(model)
    several = {each: found for each, found in inodes.items() if len(found) > 1}
    models = {model.reference: model for each in several for model in holders[each]}
    return Copies(
        list(models.values()),
        sum(len(found) - 1 for found in several.values()),
        sum(sum(found.values()) - max(found.values()) for found in several.values()),
    )


def share_copies(store: Path, found: Copies) -> list[str]:
    """Make links of them, a model at a time. Returns what :func:`share_files` does. Raises
    :class:`~runner.errors.EnvironmentProblem` where a model may not be written."""
    told = []
    for model in found.models:
        try:
            with FileLock(model.path.parent / ".lock"):
                told += share_files(store, model, model.manifest().files)
        except NotFoundError:
            # It was removed meanwhile.
            continue
        except OSError as error:
            raise cannot_write(model.path, error) from error
    return told


def share_files(store: Path, model: StoredModel, files: Mapping[str, FileRecord]) -> list[str]:
    """Replace the model's files that another stored model holds too by links. Only who holds the lock of the model's
    name may.

    Returns sentences on those that stay copies although there is the same file already. At every moment the model is
    whole. Raises OSError.
    """
    wanted = {name: record for name, record in files.items() if record.bytes >= SHARED_FROM}
    told = []
    for name, why in _linked(store, model, wanted).items():
        told.append(
            f"{name} of {model.reference} ({wanted[name].bytes / 2**20:.1f} MiB) is on the disk once more, though "
            f"another stored model has it: it cannot be linked here ({why})"
        )
    return told


def _linked(store: Path, model: StoredModel, wanted: Mapping[str, FileRecord]) -> dict[str, str]:
    """Link what can be; by file, why another cannot be."""
    refused: dict[str, str] = {}
    left = dict(wanted)
    #: Files by their inode, and whether their bytes are what their manifest says.
    seen: dict[tuple[int, int, str], bool] = {}
    for holder in listing(store) if left else ():
        if holder.path == model.path:
            continue
        for name, other in _held(holder, left):
            try:
                if _link(model, name, other, left[name].sha256, seen):
                    del left[name]
                    refused.pop(name, None)
            except FileNotFoundError:
                # It is being removed at this moment.
                continue
            except OSError as error:
                if error.errno not in NO_LINK:
                    raise
                refused[name] = (error.strerror or str(error)).lower()
        if not left:
            break
    return refused


def _held(holder: StoredModel, wanted: Mapping[str, FileRecord]) -> Iterator[tuple[str, Path]]:
    """Which of the files another stored model has, and where. Reading a manifest's bytes is cheap, checking it is not:
    only one that has such a checksum in it is checked."""
    try:
        text = (holder.path / NAME).read_bytes()
        if not any(record.sha256.encode() in text for record in wanted.values()):
            return
        places = {record.sha256: holder.path / name for name, record in holder.manifest().files.items()}
    except (OSError, RunnerError):
        return
    for name, record in list(wanted.items()):
        if record.sha256 in places:
            yield name, places[record.sha256]


def _link(model: StoredModel, name: str, other: Path, digest: str, seen: dict[tuple[int, int, str], bool]) -> bool:
    """Whether the file is another name of ``other`` now. One whose bytes have changed is left alone."""
    own = model.path / name
    if other.is_symlink() or not other.is_file():
        return False
    here, there = own.stat(), other.stat()
    if (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino):
        return True
    inode = (there.st_dev, there.st_ino, digest)
    if inode not in seen:
        seen[inode] = there.st_size == here.st_size and sha256_file(other) == digest
    if not seen[inode]:
        return False
    aside = model.path.parent / ASIDE
    aside.unlink(missing_ok=True)
    os.link(other, aside)
    try:
        set_mode(aside, there.st_mode & 0o7777 & ~0o222)
        aside.replace(own)
    finally:
        aside.unlink(missing_ok=True)
    sync_folder(own.parent)
    return True
