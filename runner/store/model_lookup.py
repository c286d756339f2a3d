"""Stored models: ``<store>/<type>/<name>/v<N>/``, found by name, listed, and opened once they are checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runner import near_names
from runner.errors import ConflictError, EnvironmentProblem, NotFoundError
from runner.store.files import cannot_read
from runner.store.manifest import NAME, Manifest, verify
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

    def manifest(self) -> Manifest:
        """The manifest, itself checked; the files are not (:func:`runner.store.manifest.verify` does that)."""
        return Manifest.read(self.path)


def versions(store: Path, model_type: str, name: str) -> list[StoredModel]:
    """Every version, oldest first. A folder without a manifest is none: promotion writes it aside first.

    One whose manifest may not be read is there all the same. Raises :class:`EnvironmentProblem` where the folder of the
    versions may not be read.
    """
    found = []
    for path in _folders(store / model_type / name):
        if path.name[:1] == "v" and path.name[1:].isdigit() and _is_there(path / NAME):
            found.append(StoredModel(model_type, name, int(path.name[1:]), path))
    return sorted(found, key=lambda model: model.version)


def listing(store: Path, closed: list[EnvironmentProblem] | None = None) -> Iterator[StoredModel]:
    """Every version of every stored model. Folders that may not be read are passed over, and added to ``closed``."""
    closed = [] if closed is None else closed
    for family in _open_folders(store, closed):
        for name in _open_folders(family, closed):
            try:
                yield from versions(store, family.name, name.name)
            except EnvironmentProblem as error:
                closed.append(error)


def find(store: Path, reference: str | ModelReference) -> StoredModel:
    """The newest version of what ``name``, ``type/name`` or ``type/name/vN`` names.

    Raises :class:`NotFoundError` with the nearest that exist, :class:`ConflictError` where a bare name fits two types,
    :class:`EnvironmentProblem` where it may be in a folder that may not be read.
    """
    wanted = parse_reference(reference) if isinstance(reference, str) else reference
    types = [wanted.model_type] if wanted.model_type else [folder.name for folder in _folders(store)]
    candidates, closed = {}, []
    for kind in types:
        try:
            if found := versions(store, kind, wanted.name):
                candidates[kind] = found
        except EnvironmentProblem as error:
            closed.append(error)
    if closed and not candidates:
        raise closed[0]
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


def in_folder(folder: Path) -> StoredModel:
    """The model in a folder that need not be in a store, such as one that was exported. Raises :class:`NotFoundError`
    where none is, :class:`~runner.errors.IntegrityError` for a manifest that was changed."""
    facts = Manifest.read(folder)
    return StoredModel(facts.model_type, facts.name, facts.version, folder.absolute())


def named_by_path(store: Path, text: str) -> str | None:
    """The name of the model, ``type/name`` or with its version, whose folder in the store a path leads to."""
    try:
        parts = Path(text).resolve(strict=True).relative_to(store.resolve()).parts
    except (OSError, ValueError):
        return None
    return "/".join(parts) if len(parts) in (2, 3) and (store / Path(*parts)).is_dir() else None


def _nearest(store: Path, wanted: ModelReference) -> str:
    names = sorted({f"{model.model_type}/{model.name}" for model in listing(store)})
    if not names:
        return "nothing is stored there yet: `runner train --spec-file ...` stores a model"
    return near_names.hint(str(wanted), names, "`runner models` lists what is stored", cutoff=0.5)


def open_verified(
    store: Path, reference: str | ModelReference | StoredModel, cache: Path | None = None
) -> tuple[StoredModel, Manifest]:
    """Find a stored model, if it is not found yet, and check every byte of it. Returns it with its manifest.

    ``cache`` is the folder where it is remembered what was found whole; what has not changed since is not read again.
    """
    model = reference if isinstance(reference, StoredModel) else find(store, reference)
    manifest = verify(model.path, cache)
    if (manifest.model_type, manifest.name, manifest.version) != (
        model.model_type,
        model.name,
        model.version,
    ):
        raise ConflictError(
            f"the manifest is that of {manifest.model_type}/{manifest.name}/v{manifest.version}",
            where=str(model.path),
            hint="a stored model cannot be renamed by moving its folder",
        )
    return model, manifest


def _folders(folder: Path) -> list[Path]:
    """The folders in a folder; none where it is not there. Raises :class:`EnvironmentProblem`."""
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except PermissionError as error:
        raise cannot_read(folder, error) from error


def _open_folders(folder: Path, closed: list[EnvironmentProblem]) -> list[Path]:
    try:
        return _folders(folder)
    except EnvironmentProblem as error:
        closed.append(error)
        return []


def _is_there(path: Path) -> bool:
    """Whether the file exists, as far as can be told: in a folder of somebody else's it may not be looked for."""
    try:
        return path.is_file()
    except PermissionError:
        return True
