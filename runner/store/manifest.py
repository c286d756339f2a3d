"""The manifest of a stored model: what it is, where it came from, and the sha256 of every file."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import ClassVar, Self

from runner.errors import IntegrityError, NotFoundError
from runner.store.files import cannot_read, read_json, sha256_file, write_json
from runner.store.pickle_signs import is_pickle
from runner.store.replay_lock import ReplayLock
from runner.store.typed_documents import JsonObject, Misfit, TypedDocument
from runner.store.verification_memory import VerificationMemory

NAME = "manifest.json"
#: What a stored model may consist of: weights, documents, trees, and what the folder of a language or vision model has
#: beside them (tokenizers, chat templates, the model card). A pickle under any of these names is refused by its bytes.
ALLOWED_SUFFIXES = {".safetensors", ".json", ".txt", ".ubj", ".model", ".jinja", ".md", ".tiktoken"}


@dataclass(frozen=True, kw_only=True)
class FileRecord(TypedDocument):
    """One file of a stored model."""

    #: Hex.
    sha256: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class ModelFacts(TypedDocument):
    """What a manifest says of its model beside its place in the store and its files."""

    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"parameters", "extension", "merged_from"})

    #: The run that made it.
    run: str | None = None
    #: UTC, ``2026-01-31T12:00:00Z``.
    created: str | None = None
    #: The spec, as it can be trained again.
    spec: JsonObject = field(default_factory=dict)
    #: The stored model that the training started from.
    parent: str | None = None
    caveats: tuple[str, ...] = ()
    #: The stored models that the spec's fields name: field -> reference, with its version.
    references: Mapping[str, str] = field(default_factory=dict)
    #: Scalars by name, as the kind measured them; a kind of another package may have put anything there.
    metrics: Mapping[str, object] = field(default_factory=dict)
    #: What was calibrated and is used at inference.
    parameters: Mapping[str, object] = field(default_factory=dict)
    epochs: int | None = None
    best_epoch: int | None = None
    #: Tables of a page and a terminal, each as ``contract.Table.as_dict`` gives it or of an older shape.
    tables: JsonObject = field(default_factory=dict)
    lock: ReplayLock = field(default_factory=ReplayLock)
    #: What was added to a trained model, from what data and how. Everything else here is of the model that it was
    #: added to; that model is among the references.
    extension: JsonObject = field(default_factory=dict)
    #: The adapter that was put into its base, ``type/name/vN``: the metrics are that one's.
    merged_from: str | None = None

    @property
    def made_from(self) -> list[str]:
        """The stored models that it names: what it started from, and what its spec's fields refer to."""
        return [*([self.parent] if self.parent else []), *self.references.values()]

    def parameter(self, name: str) -> float | None:
        """A calibrated parameter; models stored before parameters had a place of their own have it as a metric."""
        for section in (self.parameters, self.metrics):
            value = section.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                return float(value)
        return None


@dataclass(frozen=True, kw_only=True)
class Manifest(ModelFacts):
    """The manifest of one version of a stored model."""

    manifest_version: int = 1
    model_type: str
    name: str
    version: int
    #: By their paths in the model's folder.
    files: Mapping[str, FileRecord]
    #: The manifest's own checksum (:func:`seal`).
    sha256: str = ""

    @classmethod
    def keys(cls) -> tuple[str, ...]:
        return ("manifest_version", "model_type", "name", "version", *ModelFacts.keys(), "files", "sha256")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read and check the manifest alone, not the files. Raises :class:`NotFoundError`, :class:`IntegrityError`."""
        path = folder / NAME
        try:
            if not path.is_file():
                raise NotFoundError("no stored model here", where=str(folder))
        except PermissionError as error:
            raise cannot_read(path, error) from error
        document = read_json(path)
        if not isinstance(document, dict) or seal(document) != document:
            raise IntegrityError(
                "the manifest was changed after the model was stored",
                where=str(path),
                hint="train it again, or fetch the artifact again",
            )
        try:
            return cls.from_document(document)
        except Misfit as error:
            # Anybody can seal a document.
            raise IntegrityError(f"this is no manifest of a stored model: {error}", where=str(path)) from None

    def write(self, folder: Path) -> None:
        """Seal it and write it into the model's folder, atomically."""
        write_json(folder / NAME, seal(self.to_document()))

    @property
    def bytes(self) -> int:
        """The size of the model's files."""
        return sum(file.bytes for file in self.files.values())


def of_the_hub(relative: str) -> bool:
    """Whether a file is what the Hub and its client put beside a model's own: nothing reads it here."""
    return relative in ("README.md", ".gitattributes") or relative.startswith(".cache/huggingface/")


def describe_files(
    folder: Path, memory: VerificationMemory | None = None, passed_over: Callable[[str], bool] = lambda relative: False
) -> dict[str, FileRecord]:
    """Every file under ``folder`` by its relative path, but the manifest and what is ``passed_over``.

    With ``memory``, what has not changed since it was hashed is not hashed again. Raises :class:`IntegrityError` for a
    link, a pickle, or a file whose kind has no place in a stored model.
    """
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        relative = path.relative_to(folder).as_posix()
        if relative == NAME or passed_over(relative):
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
        files[relative] = FileRecord(sha256=checksum, bytes=path.stat().st_size)
    return files


def seal(manifest: JsonObject) -> JsonObject:
    """The manifest with its own checksum, so that a changed manifest is found as surely as a changed weight."""
    body = {key: value for key, value in manifest.items() if key != "sha256"}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return body | {"sha256": sha256(text.encode()).hexdigest()}


def verify(folder: Path, cache: Path | None = None) -> Manifest:
    """Check every byte of a stored model and return its manifest.

    With ``cache``, the folder where it is remembered what was found whole, only what may have changed since is read.
    Raises :class:`IntegrityError` naming the file that is missing, changed, or has no place there.
    """
    try:
        manifest = Manifest.read(folder)
        memory = VerificationMemory(cache, folder, manifest.sha256) if cache else None
        # A folder that was fetched from the Hub is the model that was pushed.
        present = describe_files(folder, memory, lambda name: name not in manifest.files and of_the_hub(name))
    except OSError as error:
        raise cannot_read(Path(error.filename or folder), error) from error
    expected = manifest.files
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
        if present[name].sha256 != expected[name].sha256:
            raise IntegrityError(
                f"the checksum does not match: {present[name].sha256[:12]}..., stored as "
                f"{expected[name].sha256[:12]}...",
                where=where,
                hint="the bytes changed after the model was stored: train it again, or fetch the artifact again",
            )
    if memory:
        memory.keep()
    return manifest
