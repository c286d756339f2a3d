"""Run directories as objects: what :class:`~runner.engines.storage.Storage` asks, by a file system of fsspec."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runner.errors import EnvironmentProblem, UsageError


class ObjectStorage:
    """Objects below a prefix. ``address`` is what a user writes for it."""

    def __init__(self, files: Any, prefix: str, address: str) -> None:
        self._files, self._prefix, self.address = files, prefix.strip("/"), address

    def read(self, key: str) -> bytes | None:
        with self._told(key):
            try:
                found: bytes = self._files.cat_file(self._path(key))
                return found
            except (FileNotFoundError, IsADirectoryError):
                return None

    def write(self, key: str, data: bytes) -> None:
        with self._told(key):
            self._files.pipe_file(self._path(key), data)

    def create(self, key: str, data: bytes) -> bool:
        with self._told(key):
            try:
                # On S3 a PUT with `If-None-Match: *`.
                self._files.pipe_file(self._path(key), data, mode="create")
                return True
            except FileExistsError:
                return False
            except OSError as error:
                # Not every version of s3fs has a class for it.
                if "precondition" in str(error).lower():
                    return False
                raise

    def put_file(self, source: Path, key: str) -> None:
        with self._told(key):
            self._files.put_file(str(source), self._path(key))

    def get_file(self, key: str, target: Path) -> bool:
        with self._told(key):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._files.get_file(self._path(key), str(target))
                return True
            except FileNotFoundError:
                target.unlink(missing_ok=True)
                return False

    def names(self, folder: str) -> list[str]:
        with self._told(folder):
            try:
                found = self._files.ls(self._path(folder), detail=False, refresh=True)
            except (FileNotFoundError, NotADirectoryError):
                return []
            return sorted({path.rstrip("/").rpartition("/")[2] for path in found})

    def tree(self, folder: str) -> list[str]:
        with self._told(folder):
            try:
                found = self._files.find(self._path(folder), refresh=True)
            except FileNotFoundError:
                return []
            start = len(self._prefix) + 1 if self._prefix else 0
            return sorted(path.strip("/")[start:] for path in found)

    def changed(self, key: str) -> float | None:
        with self._told(key):
            try:
                found = self._files.modified(self._path(key))
            except FileNotFoundError:
                return None
            return float(found.timestamp())

    def remove(self, key: str) -> None:
        with self._told(key), contextlib.suppress(FileNotFoundError):
            self._files.rm(self._path(key), recursive=True)

    def within(self, folder: str) -> ObjectStorage:
        return ObjectStorage(self._files, self._path(folder), f"{self.address.rstrip('/')}/{folder}")

    def local(self, key: str) -> Path | None:
        return None

    def _path(self, key: str) -> str:
        return f"{self._prefix}/{key}".strip("/")

    @contextlib.contextmanager
    def _told(self, key: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            # A client of objects raises errors of its own beside the system's.
            raise EnvironmentProblem(
                f"the storage of runs refuses: {type(error).__name__}: {str(error).strip()[:300]}",
                where=f"{self.address.rstrip('/')}/{key}",
                hint="every machine of the run has to reach it, and may write there",
                retryable=True,
            ) from error


def open_s3(prefix: str, *, where: str) -> ObjectStorage:
    """The objects of ``BUCKET/PREFIX``. Keys, region and endpoint come from where every AWS client has them:
    ``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL``, ``~/.aws``. Raises :class:`EnvironmentProblem` without s3fs."""
    if not prefix:
        raise UsageError("no bucket is named", where=where, hint="s3://BUCKET, or s3://BUCKET/FOLDER")
    try:
        import s3fs
    except ImportError:
        raise EnvironmentProblem(
            "s3:// takes the package s3fs, which is not installed here",
            where=where,
            hint="pip install 'runner[s3]'",
        ) from None
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    files = s3fs.S3FileSystem(
        use_listings_cache=False, skip_instance_cache=True, **({"endpoint_url": endpoint} if endpoint else {})
    )
    return ObjectStorage(files, prefix, f"s3://{prefix}")
