"""A finished artifact becomes a stored model: atomically, and without a second copy where the file system allows it."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

from filelock import FileLock

from runner.errors import EnvironmentProblem, NotFoundError, RunnerError
from runner.store.file_copies import copy_file, copy_tree
from runner.store.files import cannot_write, open_to_readers, sync_folder, sync_tree
from runner.store.manifest import NAME, Manifest, ModelFacts, describe_files
from runner.store.model_lookup import StoredModel, versions
from runner.store.sharing import share_files
from runner.store.version_deletion import last_version

#: What a rename is answered with where only a copy will do: another file system, or a folder that is not ours.
NO_RENAME = {errno.EXDEV, errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBUSY}
#: How much a store has to take before a run is begun, bytes: a manifest and its folder.
ROOM = 2**16


def promote(
    store: Path,
    model_type: str,
    name: str,
    artifact: Path,
    facts: ModelFacts,
    *,
    move: bool = False,
    say: Callable[[str], None] = lambda text: None,
    add: Callable[[Path], None] | None = None,
) -> StoredModel:
    """Make a finished artifact the newest version of a stored model.

    With ``move`` the artifact's folder itself becomes the version, by one rename; on another file system it is copied
    and then removed. At every moment there is the whole artifact, or the stored model. Without it, the artifact stays
    and is copied. Promoting the artifact of a run that already has a version returns that version: a promotion that
    was cut short can be repeated. ``facts`` are what the manifest says beside ``files``. ``add`` puts more into the
    copy before it is sealed.
    """
    home = store / model_type / name
    try:
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / ".lock"):
            if facts.run and (model := made_by(facts.run, store, model_type, name)) is not None:
                if move:
                    # What a cut between the copy and this line left.
                    shutil.rmtree(artifact, ignore_errors=True)
                _share(store, model, say)
                return model
            existing = versions(store, model_type, name)
            version = max([last_version(home), *(model.version for model in existing)]) + 1
            stored = StoredModel(model_type, name, version, home / f"v{version}")
            if move:
                if not artifact.is_dir():
                    raise NotFoundError(
                        "there is nothing to store: the artifact is not there",
                        where=str(artifact),
                        hint="if the run's model was stored elsewhere, set RUNNER_STORE_DIR to that folder",
                    )
                _seal(artifact, stored, facts)
                if not _renamed(artifact, stored.path):
                    _copied(artifact, stored.path)
                    shutil.rmtree(artifact, ignore_errors=True)
                sync_folder(artifact.parent)
            else:

                def seal(folder: Path) -> None:
                    if add is not None:
                        add(folder)
                    _seal(folder, stored, facts)

                _copied(artifact, stored.path, seal)
            _share(store, stored, say)
            return stored
    except OSError as error:
        raise cannot_write(home, error) from error


def made_by(run: str, store: Path, model_type: str, name: str) -> StoredModel | None:
    """The version of a stored model that a run has made, if it has."""
    return next((model for model in versions(store, model_type, name) if _run_of(model) == run), None)


def _share(store: Path, stored: StoredModel, say: Callable[[str], None]) -> None:
    """Save the space, if it can be. The model is stored: what goes wrong here is told, and costs nothing but space."""
    try:
        told = share_files(store, stored, stored.manifest().files)
    except (OSError, RunnerError) as error:
        told = [f"files of {stored.reference} that other stored models have are on the disk once more: {error}"]
    for sentence in told:
        say(sentence)


def check_store(store: Path, model_type: str, name: str) -> None:
    """Raise :class:`EnvironmentProblem` for a store that a model cannot be put into, before hours go into one: that
    may not be written, is full, or cannot have a folder of that name. Nothing is left there."""
    home = store / model_type / name
    place = home
    try:
        os.fsencode(home)
        while not os.path.lexists(place) and place != place.parent:
            place = place.parent
        with tempfile.TemporaryFile(prefix=".runner-", dir=place) as probe:
            probe.write(bytes(ROOM))
            probe.flush()
            os.fsync(probe.fileno())
        lock = home / ".lock"
        if lock.exists() and not os.access(lock, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(lock))
    except UnicodeEncodeError as error:
        raise EnvironmentProblem(
            f"this locale has no file names like {name!r}",
            where=ascii(str(home)),
            hint="export LC_ALL=C.UTF-8, or give the model a name in ASCII",
        ) from error
    except OSError as error:
        raise cannot_write(place, error) from error


def _run_of(model: StoredModel) -> str | None:
    """The run that made a version; None for one that is damaged, or that may not be read: it is not ours."""
    try:
        return model.manifest().run
    except RunnerError:
        return None


def _seal(folder: Path, stored: StoredModel, facts: ModelFacts) -> None:
    """Write the manifest into a finished folder, and all of it to the disk. The one time that its files are hashed."""
    for cut in folder.glob(f".{NAME}.*"):
        # A manifest that was being written when an earlier promotion was cut short.
        cut.unlink()
    for path in folder.rglob("*"):
        if not path.is_symlink() and path.is_file() and path.stat().st_nlink > 1:
            # Whoever has the other name could change what is stored.
            own = folder.with_name(f".{folder.name}.own")
            copy_file(path, own)
            own.replace(path)
    open_to_readers(folder)
    manifest = Manifest(
        model_type=stored.model_type,
        name=stored.name,
        version=stored.version,
        files=describe_files(folder),
        **{each.name: getattr(facts, each.name) for each in fields(facts)},
    )
    manifest.write(folder)
    sync_tree(folder)


def _renamed(folder: Path, target: Path) -> bool:
    """Whether the folder could be moved as it is."""
    try:
        os.rename(folder, target)  # noqa: PTH104 - Path.rename would replace an empty folder silently
    except OSError as error:
        if error.errno in NO_RENAME:
            return False
        raise
    sync_folder(target.parent)
    return True


def _copied(folder: Path, target: Path, seal: Callable[[Path], None] | None = None) -> None:
    """Copy aside, sync, rename. ``seal`` writes the manifest where the folder has none yet."""
    aside = target.parent / f".{target.name}.partial"
    try:
        shutil.rmtree(aside, ignore_errors=True)
        copy_tree(folder, aside)
        if seal is None:
            open_to_readers(aside)
            sync_tree(aside)
        else:
            seal(aside)
        os.rename(aside, target)  # noqa: PTH104 - Path.rename would replace an empty folder silently
        sync_folder(target.parent)
    finally:
        # Gone already where it became the version; half of one is of no use to anybody.
        shutil.rmtree(aside, ignore_errors=True)
