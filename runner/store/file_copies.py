"""Copies of files that cost as little as the file system allows, and need nothing of it that it may lack."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

#: What is answered where the kernel cannot copy between two files by itself.
NOT_HERE = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF, errno.EPERM}
#: Bytes that one request to the kernel asks for.
PART = 2**30


def copy_file(source: Path, target: Path) -> None:
    """Copy the bytes, and nothing else. On btrfs, XFS, NFS 4.2 and their like both files share their blocks at first:
    ``copy_file_range`` clones where that can be done. Raises OSError; a file that grew or shrank meanwhile is one."""
    size = source.stat().st_size
    with source.open("rb", buffering=0) as reading, target.open("wb", buffering=0) as writing:
        done = 0
        try:
            # Some file systems copy nothing and say no more; what is left goes the plain way.
            while done < size and (copied := os.copy_file_range(reading.fileno(), writing.fileno(), PART)):
                done += copied
        except OSError as error:
            if error.errno not in NOT_HERE:
                raise
        if done < size:
            shutil.copyfileobj(reading, writing, 2**20)
    if target.stat().st_size != size:
        raise OSError(errno.EIO, "the copy is not as long as the file", str(target))


def copy_tree(source: Path, target: Path) -> None:
    """Copy a folder into a new one. Links stay links; modes and times are those of new files, because not every file
    system lets them be set. Raises OSError."""
    target.mkdir(parents=True)
    for path in sorted(source.rglob("*")):
        place = target / path.relative_to(source)
        if path.is_symlink():
            place.symlink_to(path.readlink())
        elif path.is_dir():
            place.mkdir()
        else:
            copy_file(path, place)
