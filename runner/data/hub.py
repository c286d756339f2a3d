"""The Hub's local cache, and downloads into it. Looking whether something is cached imports nothing heavy."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from runner.errors import EnvironmentProblem, NotFoundError

RepoType = Literal["model", "dataset"]


def home() -> Path:
    """Where the Hub's libraries keep things: ``HF_HOME``, else below ``XDG_CACHE_HOME``."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    return _folder(os.environ.get("HF_HOME") or str(cache / "huggingface"))


def downloads() -> Path:
    """Where the Hub's downloads are on this machine: ``HF_HUB_CACHE``, else below :func:`home`."""
    return _folder(os.environ.get("HF_HUB_CACHE") or str(home() / "hub"))


def _folder(text: str) -> Path:
    # As the Hub's own library reads them: a ``~user`` who is not there is no error, and a folder called so.
    return Path(os.path.expanduser(os.path.expandvars(text)))  # noqa: PTH111 - Path.expanduser raises


def cached_snapshot(repo: str, kind: RepoType, revision: str | None = None) -> Path | None:
    """The snapshot of ``repo`` that its ``main``, or ``revision``, points to, if the local cache holds one."""
    folder = downloads() / f"{kind}s--{repo.replace('/', '--')}"
    if revision is not None and (folder / "snapshots" / revision).is_dir():
        return folder / "snapshots" / revision
    try:
        revision = (folder / "refs" / (revision or "main")).read_text().strip()
    except (OSError, UnicodeDecodeError):
        return None
    snapshot = folder / "snapshots" / revision
    return snapshot if revision and snapshot.is_dir() else None


def site() -> str:
    """Where the Hub's pages are."""
    return os.environ.get("HF_ENDPOINT") or "https://huggingface.co"


def token() -> str | None:
    """The user's token, from the environment or the Hub's own login; None where there is none."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if found := os.environ.get(name, "").strip():
            return found
    try:
        return _folder(os.environ.get("HF_TOKEN_PATH") or str(home() / "token")).read_text("utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def offline() -> bool:
    """Whether the environment forbids to ask the Hub."""
    words = (os.environ.get("HF_HUB_OFFLINE", ""), os.environ.get("HF_DATASETS_OFFLINE", ""))
    return any(word.upper() in ("1", "ON", "YES", "TRUE") for word in words)


def download(repo: str, kind: RepoType, patterns: Sequence[str], revision: str | None = None) -> Path:
    """A snapshot of ``repo`` on this disk: fetched or brought up to date if the Hub answers, else the cached one.

    ``revision`` is a branch, a tag or a commit; None is the branch ``main``.

    Raises :class:`EnvironmentProblem` when there is neither, and for a gated repository that the token may not read.
    """
    cached = cached_snapshot(repo, kind, revision)
    if offline():
        if cached:
            return cached
        raise EnvironmentProblem(
            f"the {kind} {repo} is not in the local cache ({home()}) and HF_HUB_OFFLINE forbids to fetch it",
            hint="unset HF_HUB_OFFLINE, or copy the cache of a machine that has it and set HF_HOME",
        )
    try:
        from huggingface_hub import errors, snapshot_download
    except ImportError:
        raise EnvironmentProblem(
            f"fetching {repo} needs the package huggingface_hub", hint="pip install 'runner[train]'"
        ) from None
    try:
        # The library goes on where an earlier download was cut off.
        return Path(snapshot_download(repo, repo_type=kind, allow_patterns=list(patterns), revision=revision))
    except errors.RevisionNotFoundError as error:
        raise NotFoundError(
            f"{repo} has no revision {revision!r}",
            where=f"{site()}/{'datasets/' if kind == 'dataset' else ''}{repo}",
            hint="name a branch, a tag or a whole commit of it",
        ) from error
    except (errors.GatedRepoError, errors.RepositoryNotFoundError) as error:
        raise EnvironmentProblem(
            f"the Hub does not give {repo} to this machine: it is gated, or it does not exist",
            where=f"{site()}/{'datasets/' if kind == 'dataset' else ''}{repo}",
            hint="accept its terms on that page, then set HF_TOKEN to a token that may read it",
        ) from error
    except (errors.HfHubHTTPError, errors.LocalEntryNotFoundError, ConnectionError, TimeoutError) as error:
        raise _unanswered(repo, kind, error) from error
    except OSError as error:
        raise EnvironmentProblem(
            f"cannot write the Hub's cache: {error.strerror or error}",
            where=str(home()),
            hint="set HF_HOME to a folder that can be written",
        ) from error


def _unanswered(repo: str, kind: RepoType, error: Exception) -> EnvironmentProblem:
    """What to say when the Hub refused, broke down or could not be reached, and the cache has nothing."""
    response = getattr(error, "response", None) or getattr(error.__cause__, "response", None)
    status = getattr(response, "status_code", None)
    if status in (401, 403):
        return EnvironmentProblem(
            f"the Hub answered {status} for {repo}", hint="set HF_TOKEN to a token that is valid and may read it"
        )
    way_out = "connect, or copy the cache of a machine that has it and set HF_HOME"
    return EnvironmentProblem(
        f"the Hub {f'answered {status}' if status else 'cannot be reached'}, and {repo} is not in the local cache "
        f"({home()})",
        hint=way_out + ("; or use a local file, or data.dataset 'sample'" if kind == "dataset" else ""),
        retryable=status is None or status >= 500 or status == 429,
    )


def missing_shards(names: Sequence[str]) -> list[str]:
    """Of files named ``x-00000-of-00007.parquet``, those that a cut-off download lacks."""
    present = set(names)
    lacking = []
    for name in names:
        match = re.fullmatch(r"(.*)-\d{5}-of-(\d{5})(\..+)", name)
        if match:
            stem, count, suffix = match.groups()
            lacking += [f"{stem}-{at:05d}-of-{count}{suffix}" for at in range(int(count))]
    return sorted(set(lacking) - present)
