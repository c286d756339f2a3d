"""Letting a container's unprivileged user write what root owns, when root is who runs us."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from runner.errors import EnvironmentProblem

#: Who a container's process is when we are root: the image's own user.
UNPRIVILEGED = (1000, 1000)


def hand_over(folder: Path, to: tuple[int, int], only_from: int | None = None) -> None:
    """Make ``to`` the owner of a folder and all in it. Links are not followed. With ``only_from``, what another
    user owns stays theirs."""
    for path in _tree(folder):
        try:
            found = path.lstat()
            if (found.st_uid, found.st_gid) != to and only_from in (None, found.st_uid):
                os.chown(path, *to, follow_symlinks=False)
        except FileNotFoundError:
            continue


def check_readable(path: Path, user: tuple[int, int]) -> None:
    """Raise :class:`EnvironmentProblem` for the first file under ``path`` that ``user`` may not read.

    What is above ``path`` does not matter: a mount is reached past it.
    """
    for one in _tree(path):
        try:
            found = one.stat()
        except FileNotFoundError:
            continue
        need = 0o5 if stat.S_ISDIR(found.st_mode) else 0o4
        shift = 6 if found.st_uid == user[0] else 3 if found.st_gid == user[1] else 0
        if (found.st_mode >> shift) & need != need:
            raise EnvironmentProblem(
                f"the container runs as user {user[0]}, not as root, and that user may not read {one}",
                where=str(path),
                hint=f"chmod -R a+rX {path}, run as the user who owns it, or --executor local",
            )


def _tree(top: Path) -> Iterator[Path]:
    yield top
    if top.is_dir() and not top.is_symlink():
        for folder, folders, files in os.walk(top):
            for name in [*folders, *files]:
                yield Path(folder) / name
