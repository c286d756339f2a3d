"""Stored models: ``<store>/<type>/<name>/v<N>/``. Promotion is atomic; a reader never sees half a model."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from runner.errors import ConflictError, NotFoundError
from runner.store.files import cannot_write, open_to_readers, sync_folder, sync_tree, write_json
from runner.store.manifest import NAME, describe_files, read_manifest, seal, verify
from runner.store.names import ModelReference, parse_reference


@dataclass(frozen=True)
class StoredModel:
    """One version of one stored model."""

    model_type: str
    name: str
    version: int
    path: Path

    @property
    def reference(self) -> str:
        """``type/name/vN``"""
        return f"{self.model_type}/{self.name}/v{self.version}"

    def manifest(self) -> dict[str, Any]:
        """The manifest, itself checked; the files are not (:func:`runner.store.manifest.verify` does that)."""
        return read_manifest(self.path)


def versions(store: Path, model_type: str, name: str) -> list[StoredModel]:
    """Every version, oldest first. A folder without a manifest is none: promotion writes it aside first."""
    found = []
    for path in _folders(store / model_type / name):
        if path.name[:1] == "v" and path.name[1:].isdigit() and (path / NAME).is_file():
            found.append(StoredModel(model_type, name, int(path.name[1:]), path))
    return sorted(found, key=lambda model: model.version)


def listing(store: Path) -> Iterator[StoredModel]:
    """Every version of every stored model."""
    for family in _folders(store):
        for name in _folders(family):
            yield from versions(store, family.name, name.name)


def find(store: Path, reference: str | ModelReference) -> StoredModel:
    """The newest version of what ``name``, ``type/name`` or ``type/name/vN`` names.

    Raises :class:`NotFoundError` with the nearest that exist, :class:`ConflictError` where a bare name fits two types.
    """
    wanted = parse_reference(reference) if isinstance(reference, str) else reference
    types = [wanted.model_type] if wanted.model_type else [folder.name for folder in _folders(store)]
    candidates = {kind: versions(store, kind, wanted.name) for kind in types}
    candidates = {kind: found for kind, found in candidates.items() if found}
    if len(candidates) > 1:
        raise ConflictError(
            f"{wanted.name!r} is the name of {len(candidates)} stored models",
            hint="say which: " + ", ".join(f"{kind}/{wanted.name}" for kind in candidates),
        )
    for found in candidates.values():
        if wanted.version is None:
            return found[-1]
        for model in found:
            if model.version == wanted.version:
                return model
        raise NotFoundError(
            f"there is no version v{wanted.version} of {found[0].model_type}/{wanted.name}",
            where=str(store),
            hint="there are: " + ", ".join(f"v{model.version}" for model in found),
        )
    raise NotFoundError(f"there is no stored model {str(wanted)!r}", where=str(store), hint=_nearest(store, wanted))


def _nearest(store: Path, wanted: ModelReference) -> str:
    import difflib

    names = sorted({f"{model.model_type}/{model.name}" for model in listing(store)})
    if not names:
        return "nothing is stored there yet: `runner train --spec-file ...` stores a model"
    near = difflib.get_close_matches(str(wanted), names, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else "`runner models` lists what is stored"


def promote(store: Path, model_type: str, name: str, artifact: Path, facts: dict[str, Any]) -> StoredModel:
    """Make a finished artifact the newest version of a stored model.

    The files are hashed, copied aside, synced, and renamed into place
    under a lock. Promoting the artifact of a run that already has a version returns that version: a promotion that
    was cut short can be repeated. ``facts`` are the manifest's entries beside ``files``.
    """
    home = store / model_type / name
    aside: Path | None = None
    try:
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / ".lock"):
            existing = versions(store, model_type, name)
            for model in existing:
                if facts.get("run") and model.manifest().get("run") == facts["run"]:
                    return model
            version = existing[-1].version + 1 if existing else 1
            aside = home / f".v{version}.partial"
            shutil.rmtree(aside, ignore_errors=True)
            # A copy, never a link: what is stored must not change when the run's own files do.
            shutil.copytree(artifact, aside, symlinks=True)
            open_to_readers(aside)
            manifest = seal(
                {"manifest_version": 1, "model_type": model_type, "name": name, "version": version}
                | facts
                | {"files": describe_files(aside)}
            )
            write_json(aside / NAME, manifest)
            sync_tree(aside)
            target = home / f"v{version}"
            os.rename(aside, target)  # noqa: PTH104 - Path.rename would replace an empty folder silently
            sync_folder(home)
    except OSError as error:
        raise cannot_write(home, error) from error
    finally:
        if aside is not None:
            # Gone already where it became the version; half of one is of no use to anybody.
            shutil.rmtree(aside, ignore_errors=True)
    return StoredModel(model_type, name, version, target)


def open_verified(store: Path, reference: str | ModelReference) -> tuple[StoredModel, dict[str, Any]]:
    """Find a stored model and check every byte of it. Returns it with its manifest."""
    model = find(store, reference)
    manifest = verify(model.path)
    if (manifest["model_type"], manifest["name"], manifest["version"]) != (
        model.model_type,
        model.name,
        model.version,
    ):
        raise ConflictError(
            f"the manifest is that of {manifest['model_type']}/{manifest['name']}/v{manifest['version']}",
            where=str(model.path),
            hint="a stored model cannot be renamed by moving its folder",
        )
    return model, manifest


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []
