"""Writing files so that a reader never sees half of one, and hashing them."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from runner.errors import EnvironmentProblem, IntegrityError

#: What file systems without modes answer to chmod, and those that cannot sync a folder to fsync.
NO_MODES = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF}


def write_atomic(path: Path, data: bytes | Iterable[bytes]) -> None:
    """Write aside, fsync, rename. The old content, or the whole new one, is what any reader sees. ``data`` may come in
    pieces.

    Raises :class:`EnvironmentProblem` where the disk is full or the folder cannot be written; nothing is left behind.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    aside = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines([data] if isinstance(data, bytes) else data)
            file.flush()
            os.fsync(file.fileno())
        set_mode(aside, 0o644)
        aside.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise cannot_write(path, error) from error
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write one JSON document atomically. NaN is refused: what we write is JSON."""
    write_atomic(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n")


def read_json(path: Path) -> Any:
    """Read a JSON document that we wrote. Raises :class:`IntegrityError` if it is not one any more, and
    :class:`EnvironmentProblem` where it may not be read."""
    try:
        return json.loads(path.read_bytes())
    except PermissionError as error:
        raise cannot_read(path, error) from error
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f"not the JSON document that was written: {error}", where=str(path)) from error


def sha256_file(path: Path) -> str:
    """The file's sha256, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_to_readers(folder: Path) -> None:
    """Give every file and folder under ``folder`` the modes that new ones have here. Some writers make theirs private,
    and a model that was trained as one user is read as another: in a container, by a service."""
    mask = os.umask(0)
    os.umask(mask)
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            set_mode(path, (0o777 if path.is_dir() else 0o666) & ~mask)


def set_mode(path: Path, mode: int) -> None:
    """chmod, where the file system has modes: exFAT, SMB and object stores refuse, and their files are open anyway."""
    try:
        path.chmod(mode)
    except OSError as error:
        if error.errno not in NO_MODES:
            raise


def sync_folder(folder: Path) -> None:
    """Make a rename in this folder last through a power cut, where the file system can: FUSE and SMB often cannot."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NO_FOLDER_SYNC:
            raise
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """fsync every file and folder under ``folder``, the folder included."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            sync_folder(path)
        else:
            with path.open("rb") as file:
                os.fsync(file.fileno())
    sync_folder(folder)


def cannot_read(path: Path, error: OSError) -> EnvironmentProblem:
    """An operating system's refusal to read, in words."""
    reason = (error.strerror or str(error)).lower()
    return EnvironmentProblem(f"cannot read: {reason}", where=str(path), hint="ask for the right to read it")


def ends_torn(path: Path) -> bool:
    """Whether a file of lines ends in half a line, as a writer leaves it that was killed: the next one begins anew."""
    if not path.is_file() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def cannot_write(path: Path, error: OSError) -> EnvironmentProblem:
    """An operating system's refusal to write, in words."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return EnvironmentProblem(
            "the disk is full",
            where=str(path),
            hint="free some space (`runner doctor` shows how much there is)",
        )
    if error.errno == errno.EFBIG:
        return EnvironmentProblem(
            "the file would be larger than files may be here",
            where=str(path),
            hint="raise the limit (`ulimit -f` shows it), or choose a file system that takes such files",
        )
    reason = (error.strerror or str(error)).lower()
    return EnvironmentProblem(f"cannot write: {reason}", where=str(path), hint="choose a folder that you may write to")
