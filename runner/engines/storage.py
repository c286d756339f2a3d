"""Where run directories lie that several machines reach: a folder that they share, or an address of objects.

All that is asked of it beyond reading and writing is to make a file that is not there yet (:meth:`Storage.create`), so
that of several who try one alone succeeds. A storage that cannot is refused (:func:`need_exclusive`).
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from runner.errors import EnvironmentProblem, UsageError
from runner.store.file_copies import copy_file
from runner.store.files import write_atomic

#: What a file system without hard links answers, or one that gives none to this user.
NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES}


class Storage(Protocol):
    """Files by key: ``a/b/c``, counted from the storage's own address.

    Every method raises :class:`EnvironmentProblem`, retryable, where the storage does not answer or refuses.
    """

    #: As a user writes it: a folder, or an address such as ``s3://bucket/runs``.
    address: str

    def read(self, key: str) -> bytes | None:
        """A file's bytes, or None where there is none."""

    def write(self, key: str, data: bytes) -> None:
        """Write a file; a reader sees what was there before, or all of it."""

    def create(self, key: str, data: bytes) -> bool:
        """Write a file that is not there yet. False where there is one: of several callers one alone gets True."""

    def put_file(self, source: Path, key: str) -> None:
        """Copy a local file there."""

    def get_file(self, key: str, target: Path) -> bool:
        """Copy a file here, its folders made. False where there is none."""

    def names(self, folder: str) -> list[str]:
        """What is directly in a folder, files and folders, sorted. Empty where there is none."""

    def tree(self, folder: str) -> list[str]:
        """The keys of all files below a folder, sorted."""

    def changed(self, key: str) -> float | None:
        """When a file was last written, in seconds by the storage's own clock; None where there is none."""

    def remove(self, key: str) -> None:
        """Take a file, or a folder with all that is in it, away. No error where there is none."""

    def within(self, folder: str) -> Storage:
        """The same storage, counted from a folder of it."""

    def local(self, key: str) -> Path | None:
        """The file or folder as a path of every machine's; None where there are no paths."""


class FolderStorage:
    """A folder that all machines have at the same path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.address = str(folder)

    def read(self, key: str) -> bytes | None:
        with _told(self.address):
            try:
                return (self._folder / key).read_bytes()
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return None

    def write(self, key: str, data: bytes) -> None:
        with _told(self.address):
            write_atomic(self._folder / key, data)

    def create(self, key: str, data: bytes) -> bool:
        path = self._folder / key
        with _told(self.address):
            with _aside(path) as aside:
                try:
                    _write(aside, data)
                    # With the name comes the whole content.
                    os.link(aside, path)
                    return True
                except FileExistsError:
                    return False
                except OSError as error:
                    if error.errno not in NO_LINKS or not aside.exists():
                        raise
            try:
                _write(path, data)
                return True
            except FileExistsError:
                return False

    def put_file(self, source: Path, key: str) -> None:
        target = self._folder / key
        with _told(self.address), _aside(target) as aside:
            copy_file(source, aside)
            aside.replace(target)

    def get_file(self, key: str, target: Path) -> bool:
        with _told(self.address):
            if not (self._folder / key).is_file():
                return False
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self._folder / key, target)
            return True

    def names(self, folder: str) -> list[str]:
        with _told(self.address):
            try:
                found = list((self._folder / folder).iterdir())
            except (FileNotFoundError, NotADirectoryError):
                return []
            return sorted(path.name for path in found if not path.name.startswith("."))

    def tree(self, folder: str) -> list[str]:
        with _told(self.address):
            found = (self._folder / folder).rglob("*")
            files = [path for path in found if not path.name.startswith(".") and path.is_file()]
            return sorted(path.relative_to(self._folder).as_posix() for path in files)

    def changed(self, key: str) -> float | None:
        with _told(self.address):
            try:
                # Opened, so that a network file system asks its server and not its own memory.
                with (self._folder / key).open("rb") as file:
                    return os.fstat(file.fileno()).st_mtime
            except (FileNotFoundError, NotADirectoryError):
                return None

    def remove(self, key: str) -> None:
        path = self._folder / key
        with _told(self.address):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def within(self, folder: str) -> FolderStorage:
        return FolderStorage(self._folder / folder)

    def local(self, key: str) -> Path | None:
        return self._folder / key


def open_storage(address: str, *, where: str = "/run/engine/root") -> Storage:
    """The storage of an address as a user writes it: a folder, or ``s3://BUCKET/...``.

    Raises :class:`UsageError` for an address of another sort, :class:`EnvironmentProblem` where a package for it is not
    installed.
    """
    scheme, mark, rest = address.partition("://")
    if not mark:
        return FolderStorage(Path(address).expanduser().absolute())
    if scheme == "file":
        return FolderStorage(Path("/" + rest.lstrip("/")))
    if scheme != "s3":
        raise UsageError(
            f"no storage of runs can be at {scheme}://", where=where, hint="a folder that all machines have, or s3://"
        )
    from runner.engines.object_storage import open_s3

    return open_s3(rest.strip("/"), where=where)


def need_exclusive(storage: Storage, *, where: str = "/run/engine/root") -> None:
    """Raise :class:`EnvironmentProblem` for a storage that may not be written, or that lets two make the same file:
    a run could then be trained twice. Nothing is left there."""
    key = f"probe-{secrets.token_hex(8)}"
    try:
        made = storage.create(key, b"1")
        again = storage.create(key, b"2")
        kept = storage.read(key)
    except EnvironmentProblem as error:
        error.where = f"{where}: {storage.address}"
        raise
    finally:
        with contextlib.suppress(EnvironmentProblem):
            storage.remove(key)
    if not made or again or kept != b"1":
        raise EnvironmentProblem(
            "this storage lets two make the same file, so that nothing could keep a run from being trained twice",
            where=f"{where}: {storage.address}",
            hint="a folder of a file system with exclusive creation (NFS has it), or an S3 that knows If-None-Match",
        )


def age(storage: Storage, key: str) -> float | None:
    """Seconds since a file was last written, both moments told by the storage's clock: those of machines differ.

    None where there is no such file. A file is written beside, and taken away.
    """
    then = storage.changed(key)
    if then is None:
        return None
    now_key = f"clock-{secrets.token_hex(8)}"
    try:
        storage.write(now_key, b"")
        now = storage.changed(now_key)
    finally:
        with contextlib.suppress(EnvironmentProblem):
            storage.remove(now_key)
    return None if now is None else now - then


@contextlib.contextmanager
def _aside(path: Path) -> Iterator[Path]:
    """A hidden name beside a file that is to be, in its folder, for what is not whole yet; nothing is left there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        yield aside
    finally:
        aside.unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def _told(address: str) -> Iterator[None]:
    try:
        yield
    except EnvironmentProblem as error:
        # What a shared folder refuses now, it may take when it is back.
        error.retryable = True
        raise
    except OSError as error:
        raise EnvironmentProblem(
            f"the storage of runs refuses: {(error.strerror or str(error)).lower()}",
            where=str(error.filename or address),
            hint="every machine of the run has to reach it, and may write there",
            retryable=True,
        ) from error
