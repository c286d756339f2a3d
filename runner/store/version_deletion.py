"""Taking a version of a stored model away: by one rename, so that it is there as a whole or not at all.

A version's number is never given again: references to it stand in other manifests, in outputs and on W&B.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from filelock import FileLock

from runner.errors import IntegrityError
from runner.store.files import cannot_write, read_json, sync_folder, write_json
from runner.store.model_lookup import StoredModel, versions

#: The folder beside the versions that a removed one is moved to: its name is no version's.
REMOVED = ".{name}.removed"
#: Where it stands which versions there have been: ``{"last": 3}``.
COUNTER = ".versions.json"


def remove(store: Path, model: StoredModel) -> None:
    """Remove a stored model's version for good. A training that stores a model of that name at the moment waits, or is
    waited for. Raises :class:`~runner.errors.EnvironmentProblem` where it may not be written."""
    home = model.path.parent
    try:
        with FileLock(home / ".lock"):
            sweep(home)
            found = versions(store, model.model_type, model.name)
            last = max([last_version(home), *(each.version for each in found)])
            if last != last_version(home):
                write_json(home / COUNTER, {"last": last})
            gone = home / REMOVED.format(name=model.path.name)
            model.path.rename(gone)
            sync_folder(home)
            take_away(gone)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not model.path.exists():
            # Somebody else removed it meanwhile.
            return
        raise cannot_write(model.path, error) from error


def last_version(home: Path) -> int:
    """The highest number that a version had which is removed; 0 where none was. Raises OSError."""
    try:
        return int(read_json(home / COUNTER)["last"])
    except (FileNotFoundError, IntegrityError, KeyError, TypeError, ValueError):
        return 0


def sweep(home: Path) -> None:
    """Take away what a removal that was killed has left. Only who holds the lock of the model's name may."""
    for left in leftovers(home):
        take_away(left)


def clear(left: Iterable[Path]) -> None:
    """Take away leftovers, of any model. Raises :class:`~runner.errors.EnvironmentProblem`."""
    for home in sorted({path.parent for path in left}):
        try:
            with FileLock(home / ".lock"):
                sweep(home)
        except OSError as error:
            raise cannot_write(home, error) from error


def take_away(folder: Path) -> None:
    """Remove a folder that somebody else may be removing too; of a link to one the link. Raises OSError."""
    if folder.is_symlink():
        folder.unlink()
        return
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        shutil.rmtree(folder)


def leftovers(home: Path) -> Iterator[Path]:
    """What is left of versions whose removal was killed."""
    yield from sorted(home.glob(REMOVED.format(name="v*")))


def bytes_freed(folders: Iterable[Path]) -> int:
    """What the disk has more when these folders are gone, bytes: blocks of files that have no name outside of them.
    What cannot be looked at counts nothing."""
    names: dict[tuple[int, int], list[int]] = {}
    for folder in folders:
        for path in (folder, *(() if folder.is_symlink() else folder.rglob("*"))):
            try:
                at = path.lstat()
            except OSError:
                continue
            links = 1 if path.is_dir() and not path.is_symlink() else at.st_nlink
            inode = names.setdefault((at.st_dev, at.st_ino), [0, links, at.st_blocks * 512])
            inode[0] += 1
    return sum(size for seen, links, size in names.values() if seen >= links)
