"""The queue of models to upload, to W&B and to the Hub.

It is one JSON file an entry, so that a stop at any point leaves a queue, not a loss.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, get_args

from filelock import FileLock, Timeout

from runner.errors import ConflictError, IntegrityError, NotFoundError
from runner.store.files import cannot_write, read_json, sha256_file, write_json
from runner.store.manifest import NAME as MANIFEST

#: Where a model goes to.
Service = Literal["wandb", "hub"]
State = Literal["queued", "uploading", "done", "failed"]
STATES: tuple[State, ...] = ("queued", "uploading", "done", "failed")


@dataclass(frozen=True)
class Entry:
    """One stored model on its way to W&B, or to the Hub, of which ``artifact_name`` is the repository.

    ``uploading`` in an entry that nobody holds the lock of is a push that was killed: it is queued.
    """

    id: str
    #: ``type/name/vN``
    model: str
    path: str
    #: The run's directory, for the metrics that W&B may not have yet.
    run_dir: str | None
    artifact_name: str
    project: str
    entity: str | None
    wandb_run_id: str
    run_name: str
    group: str | None
    manifest_sha256: str
    state: State = "queued"
    attempts: int = 0
    last_error: str | None = None
    #: What W&B calls the uploaded version, or the Hub's commit, once it is there.
    version: str | None = None
    created: str = ""
    service: Service = "wandb"
    #: Of a repository: whether only its owner sees it.
    private: bool = True

    def as_dict(self) -> dict[str, Any]:
        """The entry as it stands in its file and in ``--json``."""
        return asdict(self)


def enqueue(
    outbox: Path,
    *,
    model: str,
    path: Path,
    run_dir: Path | None,
    artifact_name: str,
    project: str,
    entity: str | None,
    wandb_run_id: str,
    run_name: str,
    group: str | None = None,
) -> Entry:
    """Queue a stored model, atomically. Queuing the same model for the same place again returns the entry there is.

    Raises :class:`NotFoundError` where ``path`` holds no manifest, ``EnvironmentProblem`` where nothing can be written.
    """
    digest = _digest(path)
    # What is uploaded, and where to: the same pair is the same upload.
    number = _number([model, digest, project, entity, artifact_name, wandb_run_id])
    entry = Entry(
        id=number,
        model=model,
        path=str(path.absolute()),
        run_dir=str(run_dir.absolute()) if run_dir else None,
        artifact_name=artifact_name,
        project=project,
        entity=entity,
        wandb_run_id=wandb_run_id,
        run_name=run_name,
        group=group,
        manifest_sha256=digest,
        created=_now(),
    )
    return _queued(outbox, entry)


def enqueue_for_hub(outbox: Path, *, model: str, path: Path, repository: str, private: bool) -> Entry:
    """The same for a repository of the Hub, ``OWNER/NAME``."""
    digest = _digest(path)
    entry = Entry(
        id=_number([model, digest, "hub", repository, private]),
        model=model,
        path=str(path.absolute()),
        run_dir=None,
        artifact_name=repository,
        project=repository.partition("/")[0],
        entity=None,
        wandb_run_id="",
        run_name="",
        group=None,
        manifest_sha256=digest,
        created=_now(),
        service="hub",
        private=private,
    )
    return _queued(outbox, entry)


def _queued(outbox: Path, entry: Entry) -> Entry:
    with lock(outbox, entry.id, wait=30):
        file = outbox / f"{entry.id}.json"
        if file.exists():
            return _read(file)
        write_json(file, entry.as_dict())
    return entry


def _digest(path: Path) -> str:
    manifest = path / MANIFEST
    if not manifest.is_file():
        raise NotFoundError("no stored model here", where=str(path))
    return sha256_file(manifest)


def _number(content: list[object]) -> str:
    return sha256(json.dumps(content).encode()).hexdigest()[:16]


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def entries(outbox: Path) -> list[Entry]:
    """Every entry, oldest first. Raises :class:`IntegrityError` for a file that is not an entry."""
    try:
        files = [path for path in outbox.iterdir() if path.suffix == ".json" and not path.name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted((_read(file) for file in files), key=lambda entry: (entry.created, entry.id))


def read(outbox: Path, number: str) -> Entry:
    """One entry as it stands now. Raises :class:`NotFoundError`."""
    file = outbox / f"{number}.json"
    if not file.is_file():
        raise NotFoundError(f"nothing is queued as {number!r}", where=str(outbox))
    return _read(file)


def mark(outbox: Path, entry: Entry, state: State, **changes: Any) -> Entry:
    """Record an entry's new state, atomically. Only who holds :func:`lock` may."""
    changed = replace(entry, state=state, **changes)
    write_json(outbox / f"{entry.id}.json", changed.as_dict())
    return changed


@contextmanager
def lock(outbox: Path, number: str, *, wait: float = 0) -> Iterator[None]:
    """Hold an entry, so that two pushes do not upload it twice. The system lets go of it when its holder dies.

    Raises :class:`ConflictError` where another process holds it for longer than ``wait`` seconds.
    """
    path = outbox / f".{number}.lock"
    try:
        outbox.mkdir(parents=True, exist_ok=True)
        held = FileLock(path, timeout=wait).acquire()
    except Timeout as error:
        raise ConflictError(
            "another push is uploading this", where=str(path), hint="`runner artifacts status` says how it went"
        ) from error
    except OSError as error:
        raise cannot_write(path, error) from error
    with held:
        yield


def _read(file: Path) -> Entry:
    document = read_json(file)
    known: dict[str, Any] = dict.fromkeys(field.name for field in fields(Entry))
    if isinstance(document, dict):
        known |= {name: document.get(name) for name in known}
        # An entry of an earlier version is one for W&B.
        known["service"] = known["service"] or "wandb"
        known["private"] = known["private"] is not False
    required = ("id", "model", "path", "artifact_name", "project", "wandb_run_id", "manifest_sha256")
    if (
        any(not isinstance(known.get(name), str) for name in required)
        or known["state"] not in STATES
        or known["service"] not in get_args(Service)
        or not isinstance(known["attempts"], int)
    ):
        raise IntegrityError(
            "not an entry of the outbox",
            where=str(file),
            hint="remove the file; the stored model it was made for is untouched",
        )
    return Entry(**known)
