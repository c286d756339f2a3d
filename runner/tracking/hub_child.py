"""The child process that pushes one entry of the outbox to the Hub. See :mod:`runner.tracking.upload_child`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from runner.errors import ConflictError
from runner.store.manifest import NAME, Manifest
from runner.tracking.fallback_card import CARD, card
from runner.tracking.upload_child import main

#: The classes of errors of whatever HTTP library where no answer came, by their names.
UNREACHABLE = {"TransportError", "ConnectionError", "TimeoutError", "Timeout"}


def push(job: dict[str, Any]) -> dict[str, Any]:
    """Make the repository if it is not there, and put all of the stored model into it by one commit.

    Doing it again makes no second commit. Returns ``{"version": <commit>, "url": ...}``. Raises
    :class:`ConflictError` for a repository that is public where a private one is meant, and what the client raises.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    entry = job["entry"]
    repository, folder = entry["artifact_name"], Path(entry["path"])
    manifest = Manifest.read(folder)
    api = HfApi(endpoint=job["url"], token=job["key"])
    api.create_repo(repository, private=entry["private"], exist_ok=True)
    if entry["private"] and not api.model_info(repository).private:
        raise ConflictError(
            f"{repository} is there already, and public",
            hint='name another repository, or say "private": false in the hub section of a spec',
        )
    files: dict[str, str | bytes] = {name: str(folder / name) for name in sorted({NAME, *manifest.files})}
    if CARD not in files:
        files[CARD] = card(manifest).encode()
    commit = api.create_commit(
        repository,
        [CommitOperationAdd(path_in_repo=name, path_or_fileobj=content) for name, content in files.items()],
        commit_message=f"{entry['model']}, by Runner",
    )
    return {"version": commit.oid[:12] if commit.oid else None, "url": f"{job['url']}/{repository}"}


def cause(error: BaseException) -> str:
    """What kind of failure this is: ``key``, ``unreachable``, ``network`` or ``refused``."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return "key"
    # The client has its own copy of its HTTP library, and another one in another version: only the names stay.
    if status is None and UNREACHABLE & {cls.__name__ for cls in type(error).__mro__}:
        return "unreachable"
    return "network" if status is not None and (status >= 500 or status in (408, 429)) else "refused"


if __name__ == "__main__":
    sys.exit(main(push, cause))
