"""Prepared data sets: rows that steps made of raw files, with an account of how; kept as ``<store>/dataset/NAME/vN``.

A folder of rows has its account beside them: in a step's output ``_step.json``, in the store ``_dataset.json``. Both
say which parts there are (``train``, ``validation``, ...), each file's sha256, and the steps from the raw files on.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from filelock import FileLock

from runner import near_names
from runner.errors import ConflictError, IntegrityError, NotFoundError, UsageError
from runner.store.file_copies import copy_file
from runner.store.files import cannot_write, open_to_readers, read_json, sha256_file, sync_folder, sync_tree, write_json
from runner.store.names import name_fault
from runner.store.version_deletion import COUNTER, REMOVED, last_version, sweep, take_away

#: The folder of the store that they are in, and how a spec begins to name one.
FAMILY = "dataset"
#: A step's account of its output, and the store's.
STEP_ACCOUNT, ACCOUNT = "_step.json", "_dataset.json"
_VERSION = re.compile(r"v([1-9][0-9]{0,8})")


@dataclass(frozen=True)
class PreparedData:
    """A folder of rows with its account. ``name`` and ``version`` are None of a step's output that is not stored."""

    path: Path
    account: Mapping[str, Any]
    name: str | None = None
    version: int | None = None

    @property
    def reference(self) -> str:
        """``dataset/NAME/vN``, or the folder's path."""
        return str(self.path) if self.name is None else f"{FAMILY}/{self.name}/v{self.version}"

    @property
    def parts(self) -> dict[str, Path]:
        """Part -> its file."""
        return {part: self.path / name for part, name in self.account["parts"].items()}

    @property
    def rows(self) -> dict[str, int]:
        """Part -> its rows."""
        return {part: self.account["files"][name]["rows"] for part, name in self.account["parts"].items()}

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The steps that made it, from the raw files on."""
        return list(self.account["steps"])

    @property
    def sha256(self) -> str:
        """A hash of the checksums of all parts: what the data is, wherever it lies."""
        files = {part: self.account["files"][name]["sha256"] for part, name in self.account["parts"].items()}
        return sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()

    @property
    def bytes(self) -> int:
        return sum(each["bytes"] for each in self.account["files"].values())

    def lineage(self) -> dict[str, Any]:
        """What a model's lock says of it."""
        return {"reference": self.reference, "sha256": self.sha256, "parts": self.rows, "steps": self.steps}

    def verify(self) -> None:
        """Raise :class:`IntegrityError` for a file that is missing, or is not what was made."""
        for name, record in self.account["files"].items():
            file = self.path / name
            if not file.is_file():
                raise IntegrityError("a file of the prepared data is missing", where=str(file), hint="prepare it again")
            if sha256_file(file) != record["sha256"]:
                raise IntegrityError(
                    "the file is not the one that was made: its checksum differs",
                    where=str(file),
                    hint="make it again by the same step with --force, or name the file itself as data of its own",
                )


def in_folder(folder: Path) -> PreparedData | None:
    """The prepared data of a folder: a version of the store, or a step's output. None for any other folder.

    Raises :class:`IntegrityError` for an account that is damaged.
    """
    for name in (ACCOUNT, STEP_ACCOUNT):
        if (folder / name).is_file():
            account = read_json(folder / name)
            if not isinstance(account, dict) or not all(
                isinstance(account.get(key), kind) for key, kind in (("parts", dict), ("files", dict), ("steps", list))
            ):
                raise IntegrityError("this is no account of prepared data", where=str(folder / name))
            if name == ACCOUNT and folder.parent.parent.name == FAMILY:
                found = _VERSION.fullmatch(folder.name)
                if found:
                    return PreparedData(folder, account, folder.parent.name, int(found[1]))
            return PreparedData(folder, account)
    return None


def is_reference(text: str) -> bool:
    """Whether a text is written as the name of a prepared data set: ``dataset/NAME``, or with its version."""
    parts = text.split("/")
    return parts[0] == FAMILY and len(parts) in (2, 3) and all(parts)


def parse(text: str) -> tuple[str, int | None]:
    """The name and the version of ``dataset/NAME`` or ``dataset/NAME/vN``. Raises :class:`UsageError`."""
    parts = text.split("/")
    if not is_reference(text):
        raise UsageError(f"{text!r} names no prepared data", hint=f"write {FAMILY}/NAME, or {FAMILY}/NAME/vN")
    version = None
    if len(parts) == 3:
        found = _VERSION.fullmatch(parts[2])
        if not found:
            raise UsageError(f"{text!r}: the version is written v1, v2, ..., not {parts[2]!r}")
        version = int(found[1])
    check_name(parts[1])
    return parts[1], version


def check_name(name: str) -> str:
    """The name itself. Raises :class:`UsageError` for one that cannot be a folder of the store."""
    fault = name_fault(name)
    if fault:
        raise UsageError(f"the name {name!r} of a data set {fault}", hint="such as support-chats")
    return name


def versions(store: Path, name: str) -> list[PreparedData]:
    """Every version of a data set, oldest first."""
    home = store / FAMILY / name
    found = []
    for path in home.iterdir() if home.is_dir() else ():
        if _VERSION.fullmatch(path.name) and (path / ACCOUNT).is_file():
            prepared = in_folder(path)
            assert prepared is not None
            found.append(prepared)
    return sorted(found, key=lambda each: each.version or 0)


def listing(store: Path) -> Iterator[PreparedData]:
    """Every version of every data set, by name."""
    family = store / FAMILY
    for home in sorted(family.iterdir()) if family.is_dir() else ():
        if home.is_dir() and home.name[0] != ".":
            yield from versions(store, home.name)


def find(store: Path, reference: str) -> PreparedData:
    """The data set that is named, its newest version where none is said. Raises :class:`NotFoundError` with the nearest
    that there is."""
    name, version = parse(reference)
    there = versions(store, name)
    for each in there if version is not None else there[-1:]:
        if version in (None, each.version):
            return each
    if there:
        raise NotFoundError(
            f"there is no version v{version} of {FAMILY}/{name}",
            where=str(store),
            hint="there are: " + ", ".join(f"v{each.version}" for each in there),
        )
    names = sorted({f"{FAMILY}/{each.name}" for each in listing(store)})
    otherwise = (
        "`runner data list` lists what is stored"
        if names
        else "nothing is stored there yet: `runner data split ... --store-as NAME` stores what a step made"
    )
    raise NotFoundError(
        f"there is no stored data set {reference!r}", where=str(store),
        hint=near_names.hint(f"{FAMILY}/{name}", names, otherwise),
    )  # fmt: skip


def named(store: Path, text: str, cwd: Path = Path()) -> PreparedData | None:
    """The stored data that a text names; None where it is not written as such a name, or is a path that is there.

    Raises :class:`NotFoundError` for a name of nothing, :class:`ConflictError` where it is the name of stored data and
    a path too.
    """
    if not is_reference(text):
        return None
    a_path = (cwd / text).exists()
    if a_path and not versions(store, text.split("/")[1]):
        return None
    if a_path:
        raise ConflictError(
            f"{text} is stored data, and a path here", where=text,
            hint=f"write ./{text} for the path, or move it away",
        )  # fmt: skip
    return find(store, text)


def keep(store: Path, name: str, made: PreparedData) -> tuple[PreparedData, bool]:
    """Copy a step's output into the store as the newest version of a data set, whole or not at all.

    Returns it, and whether it is new: where the newest version has the same rows by the same steps, it is that one.
    """
    check_name(name)
    made.verify()
    home = store / FAMILY / name
    try:
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / ".lock"):
            sweep(home)
            there = versions(store, name)
            if there and there[-1].sha256 == made.sha256 and there[-1].steps == made.steps:
                return there[-1], False
            version = max([last_version(home), *(each.version or 0 for each in there)]) + 1
            aside = home / f".v{version}.partial"
            shutil.rmtree(aside, ignore_errors=True)
            try:
                aside.mkdir()
                for file in made.account["files"]:
                    copy_file(made.path / file, aside / file)
                kept = {key: made.account[key] for key in ("parts", "files", "steps")}
                created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
                write_json(aside / ACCOUNT, {"name": name, "version": version, "created": created} | kept)
                open_to_readers(aside)
                sync_tree(aside)
                os.rename(aside, home / f"v{version}")  # noqa: PTH104 - Path.rename would replace an empty folder
                sync_folder(home)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        raise cannot_write(home, error) from error
    stored = in_folder(home / f"v{version}")
    assert stored is not None
    stored.verify()
    return stored, True


def remove(prepared: PreparedData) -> None:
    """Take a stored version away for good, by one rename; its number is not given again."""
    home = prepared.path.parent
    try:
        with FileLock(home / ".lock"):
            sweep(home)
            last = max(last_version(home), prepared.version or 0)
            write_json(home / COUNTER, {"last": last})
            gone = home / REMOVED.format(name=prepared.path.name)
            prepared.path.rename(gone)
            sync_folder(home)
            take_away(gone)
    except FileNotFoundError:
        # Somebody else removed it meanwhile.
        return
    except OSError as error:
        raise cannot_write(prepared.path, error) from error
