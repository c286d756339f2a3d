"""A stored model as a folder or an archive of its own, that works where there is no store."""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path
from typing import Literal

from runner.errors import ConflictError, NotFoundError, UsageError
from runner.store.file_copies import copy_tree
from runner.store.files import cannot_write, open_to_readers, sync_folder, sync_tree
from runner.store.manifest import Manifest, verify
from runner.store.model_lookup import StoredModel

ExportFormat = Literal["folder", "tar"]


def export(model: StoredModel, store: Path, target: Path, form: ExportFormat, cache: Path | None = None) -> Manifest:
    """Write the model to ``target``: real copies, checked byte for byte, and put in place by one rename.

    A folder is what is stored, manifest and all; an archive has that folder in it, ``NAME-vN``. Raises
    :class:`ConflictError` where something is there already, :class:`NotFoundError` where the folder above is not,
    :class:`~runner.errors.IntegrityError` for a model that is damaged.
    """
    check_target(target, store, form)
    verify(model.path, cache)
    aside = target.with_name(f".{target.name}.partial")
    try:
        _clear(aside)
        folder = aside if form == "folder" else aside / f"{model.name}-v{model.version}"
        copy_tree(model.path, folder)
        open_to_readers(folder)
        # Of what was copied, not of what was stored: the disk may have failed in between.
        manifest = verify(folder)
        if form == "folder":
            sync_tree(aside)
            os.rename(aside, target)  # noqa: PTH104 - Path.rename says the same, and this is what promotion does
        else:
            _pack(folder, aside / "archive", target)
        sync_folder(target.parent)
        return manifest
    except OSError as error:
        raise cannot_write(target, error) from error
    finally:
        _clear(aside)


def check_target(target: Path, store: Path, form: ExportFormat) -> None:
    """Raise where nothing can be exported to ``target``, before anything is copied."""
    if target.resolve().is_relative_to(store.resolve()):
        raise UsageError("is in the store of models", where=str(target), hint="export to a place outside of it")
    if not target.parent.is_dir():
        raise NotFoundError("there is no such folder", where=str(target.parent), hint="make it first")
    empty = form == "folder" and target.is_dir() and not target.is_symlink() and not any(target.iterdir())
    if os.path.lexists(target) and not empty:
        raise ConflictError("is there already", where=str(target), hint="name a place where nothing is")


def _pack(folder: Path, archive: Path, target: Path) -> None:
    """One uncompressed archive: weights do not shrink. Whose files they were, and when, is left out."""

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        entry.mtime = 0
        return entry

    with archive.open("wb") as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as packed:
            packed.add(folder, folder.name, filter=plain)
        file.flush()
        os.fsync(file.fileno())
    archive.rename(target)


def _clear(aside: Path) -> None:
    shutil.rmtree(aside, ignore_errors=True)
