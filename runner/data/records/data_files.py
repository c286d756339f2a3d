"""Which files a path names, and what container they are: a file, a folder of shards, or a pattern."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from runner.data.hub_files import MARK, fetched, is_hub_name
from runner.errors import DataError, NotFoundError

#: ``conll`` is a layout's own: blocks of lines, a token a line. Only a layout that says so reads it.
Container = Literal["csv", "tsv", "jsonl", "json", "parquet", "arrow", "conll"]
#: What a file's name says of it, in lower case and without ``.gz``.
SUFFIXES: dict[str, Container] = {
    ".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json",
    ".parquet": "parquet", ".arrow": "arrow", ".feather": "arrow", ".ipc": "arrow",
}  # fmt: skip
#: The same for a message.
READ = "a .csv, .tsv, .jsonl, .json, .parquet or .arrow file, any of them with .gz, or a folder or pattern of them"
#: The ends of names of data files, in lower case.
NAME_ENDS = [*SUFFIXES, *(f"{suffix}.gz" for suffix in SUFFIXES)]
#: A layout that reads no other suffixes.
NO_OTHERS: Mapping[str, Container] = {}
#: What other programs compress or pack with: name's end -> the command that undoes it.
PACKED = {
    ".zip": "unzip", ".bz2": "bunzip2", ".xz": "unxz", ".zst": "unzstd", ".tar": "tar -xf", ".7z": "7z x",
    ".tgz": "tar -xzf", ".tar.gz": "tar -xzf",
}  # fmt: skip
SHEETS = (".xlsx", ".xls", ".ods")


def container_of(name: str, also: Mapping[str, Container] = NO_OTHERS) -> Container | None:
    """What the file's name says that it holds, ``.gz`` or not, whatever its case; None for no name of ours.

    ``also`` are suffixes that a layout reads beside those that all read.
    """
    suffix = Path(name.lower().removesuffix(".gz")).suffix
    return SUFFIXES.get(suffix) or also.get(suffix)


#: Files that are looked at below a folder: a data set has no more.
MOST_FILES = 100_000


def is_pattern(path: str | Path) -> bool:
    """Whether a path is a pattern such as ``shards/*.csv``; a file that is really called so comes first."""
    return any(mark in str(path) for mark in "*?[") and not Path(path).exists()


def data_files(
    path: str | Path, pointer: str = "", cwd: Path = Path(), also: Mapping[str, Container] = NO_OTHERS
) -> tuple[list[Path], Container]:
    """The files, sorted, and their container. Raises for what is not there, mixed, empty, unreadable or of no kind.

    ``pointer`` is the spec's field that names the path; ``cwd`` is what a relative one counts from. It looks at names
    and sizes, and reads nothing; only what a name of the Hub stands for is fetched. ``also`` are suffixes that a
    layout reads beside :data:`SUFFIXES`.
    """
    where = f"{pointer}: {path}" if pointer else str(path)
    if is_hub_name(path):
        ends = (*NAME_ENDS, *also, *(f"{suffix}.gz" for suffix in also))
        return _of_one_kind(fetched(str(path), where, ends), pointer, where, Path(), also)
    refuse_url(str(path), where)
    here = _expanded(path, where)
    found = cwd / here
    if is_pattern(found):
        # The pattern is applied from where it counts, and the names stay as the user wrote them.
        files = sorted(Path(name) for name in _matches(here, cwd))
        if not files:
            raise NotFoundError("no file matches the pattern", where=where, hint=_from_here(found))
    elif found.is_dir():
        files = sorted(here / each.relative_to(found) for each in _shards(found, where, also))
        if not files:
            raise DataError("the folder has no data file", where=where, hint=f"what can be read: {READ}")
    else:
        files = [here]
    return _of_one_kind(files, pointer, where, cwd, also)


def _of_one_kind(
    files: list[Path], pointer: str, where: str, cwd: Path, also: Mapping[str, Container]
) -> tuple[list[Path], Container]:
    containers = {each: container_of(each.name, also) for each in files}
    for each in files:
        _look(cwd / each, where if len(files) == 1 else f"{pointer}: {each}" if pointer else str(each))
    kinds = sorted({kind or "others" for kind in containers.values()})
    if len(kinds) > 1:
        raise DataError(f"the files are of different kinds: {', '.join(kinds)}", where=where,
                        hint="name one kind by a pattern, such as FOLDER/*.csv")  # fmt: skip
    kind = containers[files[0]]
    if kind is None:
        raise _no_container(files[0].name, where)
    return files, kind


def refuse_url(path: str, where: str) -> None:
    """Raise :class:`DataError` for a URL, with what to do instead. A drive's letter is none."""
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]+)://?(.*)", path)
    if not match:
        return
    scheme, rest = match.group(1).lower(), match.group(2)
    name = Path(rest.partition("?")[0]).name or "FILE"
    if scheme == "file":
        hint = f"name the file by its path: {'/' + rest.lstrip('/') if rest.startswith('/') else rest}"
    elif scheme in ("hf", "hub"):
        hint = f"a data set of the Hub is written {MARK}{rest.strip('/').removeprefix('datasets/')}"
    elif scheme in ("http", "https"):
        hint = f"fetch it first, such as with: curl -LO {path}; then name {name}"
    elif scheme in ("s3", "gs", "gcs"):
        tool = "aws s3 cp" if scheme == "s3" else "gcloud storage cp"
        hint = f"fetch it first, such as with: {tool} {path} {name}; then name {name}"
    else:
        hint = f"fetch it first, then name the file: {name}"
    raise DataError("is a URL, and data is read from files", where=where, hint=hint)


def _expanded(path: str | Path, where: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise NotFoundError("there is no such user's home", where=where) from None


def _matches(pattern: Path, cwd: Path) -> list[str]:
    import glob

    found = glob.glob(str(pattern), root_dir=None if cwd == Path() else cwd, recursive=True)  # noqa: PTH207 - it keeps relative names
    return [name for name in found if (cwd / name).is_file()]


def _shards(folder: Path, where: str, also: Mapping[str, Container]) -> list[Path]:
    """The files of a folder and below that hold data by their names; hidden and ``_marked`` ones are bookkeeping.

    Raises :class:`DataError` for a folder that is no data set but a disk.
    """
    found, seen = [], 0
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] not in "._")
        seen += len(names)
        if seen > MOST_FILES:
            raise DataError(
                f"the folder and those below hold more than {MOST_FILES:,} files",
                where=where,
                hint="name the folder of the data set, or a pattern, such as FOLDER/*.csv",
            )
        found += [Path(here, name) for name in names if name[0] not in "._" and container_of(name, also) is not None]
    return found


def _look(path: Path, where: str) -> None:
    try:
        size = path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        raise NotFoundError("there is no such data file", where=where, hint=_near(path)) from None
    except PermissionError:
        raise DataError("the file may not be read", where=where, hint="check its permissions") from None
    except OSError as error:
        raise DataError(f"the file cannot be read: {error.strerror or error}", where=where) from None
    if not path.is_file():
        raise DataError("is not a file", where=where)
    if size == 0:
        raise DataError("the file is empty", where=where)
    if not os.access(path, os.R_OK):
        raise DataError("the file may not be read", where=where, hint="check its permissions")


def _near(path: Path) -> str:
    folder = path.parent
    near: Sequence[str] = ()
    if folder.is_dir():
        near = sorted(other.name for other in folder.glob(f"*{path.suffix}") if other.name != path.name)[:5]
    return f"that folder has {', '.join(near)}" if near else _from_here(path)


def _from_here(path: Path) -> str:
    return "a relative path counts from the current directory"


def _no_container(name: str, where: str) -> DataError:
    lower = name.lower()
    for suffix, command in PACKED.items():
        if lower.endswith(suffix):
            return DataError(f"{suffix} files are not read", where=where, hint=f"unpack it first: {command} {name}")
    if lower.endswith(SHEETS):
        return DataError("is a spreadsheet", where=where, hint='save it as "CSV UTF-8" and name that file')
    return DataError("a file's kind is told by its name, and this is no name of one", where=where, hint=READ)
