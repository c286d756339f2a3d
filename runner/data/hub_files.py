"""A data set of the Hub by name: ``hub:OWNER/NAME``, its files of training, or ``hub:OWNER/NAME/FILE``, a pattern too.

Every layout reads it: where a path's files are looked for, such a name's are fetched into the Hub's cache. Light until
:func:`fetched` is called.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from runner.data import hub
from runner.errors import DataError, EnvironmentProblem, NotFoundError

MARK = "hub:"
#: How it is written, for a message.
WRITTEN = "hub:OWNER/NAME, or hub:OWNER/NAME/FILE"
_PART = r"[A-Za-z0-9][A-Za-z0-9._-]*"


@dataclass(frozen=True)
class HubName:
    """A repository, and which of its files: None for those of training."""

    repo: str
    files: str | None


def is_hub_name(path: str | Path) -> bool:
    """Whether a path is the name of a data set of the Hub."""
    return str(path).startswith(MARK)


def hub_name(path: str, where: str) -> HubName:
    """The name's parts. Raises :class:`DataError` for one that is not written so."""
    match = re.fullmatch(rf"{MARK}({_PART}/{_PART})(?:/([^/].*))?", path)
    if match is None or any(part in ("", "..") for part in (match.group(2) or "x").split("/")):
        raise DataError("is no name of a data set of the Hub", where=where, hint=f"it is written {WRITTEN}")
    return HubName(match.group(1), match.group(2))


def network_needed(path: str) -> bool:
    """Whether reading it asks the Hub, which knows whether what is in the cache is whole and of now."""
    return is_hub_name(path) and not hub.offline()


def fetched(path: str, where: str, endings: tuple[str, ...]) -> list[Path]:
    """The files on this disk, sorted: ``endings`` are those of data files, of which a whole data set is made.

    Raises what :func:`runner.data.hub.download` raises, :class:`NotFoundError` for files that it does not have, and
    :class:`DataError` for a repository without files of training.
    """
    name = hub_name(path, where)
    patterns = [name.files] if name.files else ["README.md", *(f"*{end}" for end in endings)]
    snapshot = hub.download(name.repo, "dataset", patterns)
    present = sorted(str(file.relative_to(snapshot)) for file in snapshot.rglob("*") if file.is_file())
    data = [each for each in present if each.lower().endswith(endings)]
    if name.files is None:
        found = _of_training(name.repo, snapshot, where, data)
    else:
        found = [each for each in present if fnmatchcase(each, name.files)]
        if not found:
            raise NotFoundError("the data set has no such file", where=where, hint=_listed(name.repo, data))
    lacking = hub.missing_shards(found)
    if lacking and name.files is None:
        raise EnvironmentProblem(
            f"the cached copy of {name.repo} lacks {', '.join(lacking[:3])}{' ...' if len(lacking) > 3 else ''}",
            where=str(snapshot),
            hint="run once with a network and without HF_HUB_OFFLINE: the download goes on where it was cut off",
        )
    return [snapshot / each for each in found]


def _of_training(repo: str, snapshot: Path, where: str, data: list[str]) -> list[str]:
    """The files of the split ``train``, as the data set's card or its files' names say."""
    if not data:
        raise DataError("the data set has no data file", where=where, hint=f"its files: {_page(repo)}")
    from datasets import load_dataset_builder
    from datasets.exceptions import DatasetsError

    try:
        # The library's own rules; it locks a folder of its cache, and the Hub's may be mounted read-only.
        with tempfile.TemporaryDirectory(prefix="runner-") as scratch:
            splits = load_dataset_builder(str(snapshot), cache_dir=scratch).config.data_files or {}
    except (DatasetsError, ValueError, OSError) as error:
        raise DataError(
            f"which files are of training is not clear: {str(error).strip().splitlines()[0][:200]}",
            where=where,
            hint=_listed(repo, data),
        ) from error
    if "train" not in splits:
        raise DataError(f"there is no split train: {', '.join(splits)}", where=where, hint=_listed(repo, data))
    return sorted(str(Path(file).relative_to(snapshot)) for file in splits["train"])


def _listed(repo: str, data: list[str]) -> str:
    names = ", ".join(f"{MARK}{repo}/{each}" for each in data[:5]) + (", ..." if len(data) > 5 else "")
    return f"name files of it: {names}" if names else f"its files: {_page(repo)}"


def _page(repo: str) -> str:
    return f"{hub.site()}/datasets/{repo}/tree/main"
