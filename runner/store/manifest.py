"""The manifest of a stored model: what it is, where it came from, and the sha256 of every file."""

from __future__ import annotations

import contextlib
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from runner.errors import IntegrityError, NotFoundError
from runner.store.files import cannot_read, read_json, sha256_file
from runner.store.pickle_signs import is_pickle
from runner.store.verification_memory import VerificationMemory

NAME = "manifest.json"
#: What a stored model may consist of: weights, documents, trees, and what the folder of a language or vision model has
#: beside them (tokenizers, chat templates, the model card). A pickle under any of these names is refused by its bytes.
ALLOWED_SUFFIXES = {".safetensors", ".json", ".txt", ".ubj", ".model", ".jinja", ".md", ".tiktoken"}


def describe_files(folder: Path, memory: VerificationMemory | None = None) -> dict[str, dict[str, Any]]:
    """``{relative path: {"sha256": ..., "bytes": ...}}`` of every file under ``folder``, but the manifest.

    With ``memory``, what has not changed since it was hashed is not hashed again. Raises :class:`IntegrityError` for a
    link, a pickle, or a file whose kind has no place in a stored model.
    """
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        relative = path.relative_to(folder).as_posix()
        if relative == NAME:
            continue
        if path.is_symlink() or path.suffix not in ALLOWED_SUFFIXES:
            raise IntegrityError(
                f"{relative!r} has no place in a stored model",
                where=str(folder),
                hint="a model is safetensors and JSON; nothing else is read or written",
            )
        if is_pickle(path):
            raise IntegrityError(
                f"{relative!r} is a pickle, which runs code when it is loaded",
                where=str(folder),
                hint="a model is safetensors and JSON; nothing else is read or written",
            )
        checksum = memory.checksum(relative, path) if memory else sha256_file(path)
        files[relative] = {"sha256": checksum, "bytes": path.stat().st_size}
    return files


def seal(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest with its own checksum, so that a changed manifest is found as surely as a changed weight."""
    body = {key: value for key, value in manifest.items() if key != "sha256"}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return body | {"sha256": sha256(text.encode()).hexdigest()}


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read and check the manifest alone, not the files. Raises :class:`NotFoundError`, :class:`IntegrityError`."""
    path = folder / NAME
    try:
        if not path.is_file():
            raise NotFoundError("no stored model here", where=str(folder))
    except PermissionError as error:
        raise cannot_read(path, error) from error
    manifest = read_json(path)
    if not isinstance(manifest, dict) or seal(manifest) != manifest:
        raise IntegrityError(
            "the manifest was changed after the model was stored",
            where=str(path),
            hint="train it again, or fetch the artifact again",
        )
    if not _has_shape(manifest):
        raise IntegrityError("this is no manifest of a stored model", where=str(path))
    return manifest


def _has_shape(manifest: dict[str, Any]) -> bool:
    """Whether what every reader relies on is there: anybody can seal a document."""
    files = manifest.get("files")
    return (
        isinstance(files, dict)
        and all(isinstance(entry, dict) and {"sha256", "bytes"} <= entry.keys() for entry in files.values())
        and {"model_type", "name", "version"} <= manifest.keys()
    )


def verify(folder: Path, cache: Path | None = None) -> dict[str, Any]:
    """Check every byte of a stored model and return its manifest.

    With ``cache``, the folder where it is remembered what was found whole, only what may have changed since is read.
    Raises :class:`IntegrityError` naming the file that is missing, changed, or has no place there.
    """
    try:
        manifest = read_manifest(folder)
        memory = VerificationMemory(cache, folder, manifest["sha256"]) if cache else None
        present = describe_files(folder, memory)
    except OSError as error:
        raise cannot_read(Path(error.filename or folder), error) from error
    expected = manifest["files"]
    for name in sorted(expected.keys() | present.keys()):
        where = str(folder / name)
        if name not in present:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                try:
                    (folder / name).stat()
                except PermissionError as error:
                    raise cannot_read(folder / name, error) from error
            raise IntegrityError("a file of the model is missing", where=where)
        if name not in expected:
            raise IntegrityError("a file that is not in the manifest", where=where, hint="remove it, or train again")
        if present[name]["sha256"] != expected[name]["sha256"]:
            raise IntegrityError(
                f"the checksum does not match: {present[name]['sha256'][:12]}..., stored as "
                f"{expected[name]['sha256'][:12]}...",
                where=where,
                hint="the bytes changed after the model was stored: train it again, or fetch the artifact again",
            )
    if memory:
        memory.keep()
    return manifest
