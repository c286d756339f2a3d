"""Secrets on their way into a container: one file each, in memory, readable by its user alone, gone afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from runner.errors import UsageError

PREFIX = "runner-secrets-"


class SecretFiles:
    """A folder with one file a secret. It lives until :meth:`close`, or until this process ends."""

    def __init__(self, secrets: Mapping[str, str], owner: tuple[int, int] | None = None) -> None:
        """Write them. ``owner`` is the user and group that shall read them where that is not us."""
        sweep()
        # Its finaliser runs when the interpreter exits, whatever became of close().
        self._folder = tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", dir=_in_memory())
        self.path = Path(self._folder.name)
        try:
            for name, value in secrets.items():
                if Path(name).name != name or name in ("", ".", ".."):
                    raise UsageError(f"{name!r} cannot be the name of a secret")
                descriptor = os.open(self.path / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
                with os.fdopen(descriptor, "w") as file:
                    file.write(value)
                if owner is not None:
                    os.chown(self.path / name, *owner)
            if owner is not None:
                os.chown(self.path, *owner)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Delete the files. May be called again."""
        self._folder.cleanup()


def sweep() -> None:
    """Delete what processes left that were killed before they could."""
    for folder in _in_memory().glob(f"{PREFIX}*"):
        number = folder.name.removeprefix(PREFIX).partition("-")[0]
        if number.isdigit() and not _alive(int(number)):
            with contextlib.suppress(OSError):
                shutil.rmtree(folder)


def _in_memory() -> Path:
    """A folder whose files never reach a disk, where the system has one."""
    for candidate in (os.environ.get("XDG_RUNTIME_DIR"), "/dev/shm"):  # noqa: S108 - a fresh 0700 folder in it
        if candidate and Path(candidate).is_absolute() and os.access(candidate, os.W_OK | os.X_OK):
            return Path(candidate)
    return Path(tempfile.gettempdir())


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
