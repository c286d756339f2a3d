"""Uploading what the outbox holds. Every step can be repeated; a stop at any point leaves the entry queued."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from runner.data import hub
from runner.errors import ConflictError, EnvironmentProblem, ExitCode, IntegrityError, RunnerError
from runner.runs.run_folder import Run
from runner.store import manifest as manifests
from runner.store import upload_queue
from runner.store.files import sha256_file
from runner.store.model_lookup import StoredModel
from runner.store.upload_queue import Entry
from runner.tracking.upload_attempt import SERVICES, attempt
from runner.tracking.wandb_key import find_key
from runner.tracking.wandb_run import identity, mode
from runner.workspace import Workspace

#: Seconds that one attempt at one entry may take.
TIMEOUT = 900.0
ATTEMPTS = 3


@dataclass(frozen=True)
class Result:
    """How one entry's upload went: ``state`` is ``done``, ``queued``, ``failed``, or ``busy`` (another push has it)."""

    id: str
    model: str
    state: str
    artifact: str
    version: str | None = None
    url: str | None = None
    error: str | None = None
    hint: str | None = None
    exit_code: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


def queue(workspace: Workspace, run: Run, model: StoredModel, section: Mapping[str, Any]) -> Entry:
    """Put a run's stored model into the outbox. ``section`` is the spec's ``wandb`` object."""
    who = identity(run.path, section)
    return upload_queue.enqueue(
        workspace.outbox,
        model=model.reference,
        path=model.path,
        run_dir=run.path,
        artifact_name=section.get("artifact_name") or model.name,
        project=who.project,
        entity=who.entity,
        wandb_run_id=who.run_id,
        run_name=who.name,
        group=who.group,
    )


def queue_and_push(workspace: Workspace, run: Run, model: StoredModel, section: Any) -> list[str]:
    """Queue a run's model and try to upload it once; lines for the person who trained. ``section``: a ``WandbSection``.

    What goes wrong with the upload is told in a line; only a queue that cannot be written raises.
    """
    if mode() == "disabled":
        return []
    entry = queue(workspace, run, model, section.model_dump())
    if entry.state == "done":
        return []
    if mode() == "offline" or not find_key():
        reason = "WANDB_MODE is offline" if mode() == "offline" else "no W&B key"
        return [f"{reason}: {entry.model} is queued; `runner artifacts push` uploads it once there is one"]
    lines = []
    for result in push(workspace, only=entry.id, attempts=1):
        if result.state == "done":
            lines.append(f"uploaded to W&B as {result.artifact}:{result.version}")
        else:
            lines.append(f"not uploaded ({result.error}); it is queued: `runner artifacts push` tries again")
    return lines


def queue_for_hub(workspace: Workspace, model: StoredModel, section: Any) -> list[str]:
    """Queue a run's model for the Hub and try to push it once; lines for the person who trained. ``section``: a
    ``HubSection``.

    What goes wrong with the push is told in a line; only a queue that cannot be written raises.
    """
    entry = upload_queue.enqueue_for_hub(
        workspace.outbox,
        model=model.reference,
        path=model.path,
        repository=section.repository,
        private=section.private,
    )
    if entry.state == "done":
        return []
    if hub.offline() or not hub.token():
        reason = "HF_HUB_OFFLINE is set" if hub.offline() else "no Hub token"
        return [f"{reason}: {entry.model} is queued; `runner artifacts push` pushes it to {section.repository}"]
    lines = []
    for result in push(workspace, only=entry.id, attempts=1):
        if result.state == "done":
            seen = "private" if section.private else "public"
            lines.append(f"pushed to the Hub as {result.artifact} ({seen}): {result.url}")
        else:
            lines.append(f"not pushed to the Hub ({result.error}); it is queued: `runner artifacts push` tries again")
    return lines


def push(
    workspace: Workspace,
    *,
    key: str | None = None,
    only: str | None = None,
    attempts: int = ATTEMPTS,
    timeout: float = TIMEOUT,
    verify: Callable[[Path], Any] = manifests.verify,
    pause: float = 1.0,
) -> list[Result]:
    """Upload what is not done yet: to W&B the metrics that it lacks, then the model as an artifact of its run; to the
    Hub the model, as one commit.

    ``key`` is W&B's, found where its SDK looks if None; the Hub's token is found where its client looks. The network's
    failures are tried again ``attempts`` times, ``pause`` seconds apart at first. ``verify`` checks a stored model's
    bytes before they leave. Pushing again makes no second version. Raises :class:`EnvironmentProblem` where nothing can
    be uploaded at all: no key, no SDK. Where only one of the two takes anything, the other's models stay queued.
    """
    waiting = [
        entry for entry in upload_queue.entries(workspace.outbox) if entry.state != "done" and only in (None, entry.id)
    ]
    if not waiting:
        return []
    secrets: dict[str, str] = {}
    closed: dict[str, EnvironmentProblem] = {}
    for name in dict.fromkeys(entry.service for entry in waiting):
        try:
            secrets[name] = _secret(workspace, name, [entry for entry in waiting if entry.service == name], key)
        except EnvironmentProblem as error:
            closed[name] = error
    if not secrets:
        raise next(iter(closed.values()))
    results = []
    for entry in waiting:
        if (problem := closed.get(entry.service)) is None:
            results.append(_push_one(workspace, entry, secrets[entry.service], attempts, timeout, verify, pause))
        else:
            told = {"error": problem.message, "hint": problem.hint, "exit_code": int(problem.code)}
            results.append(Result(entry.id, entry.model, "queued", entry.artifact_name, **told))  # type: ignore[arg-type]
    return results


def _secret(workspace: Workspace, service: str, waiting: list[Entry], key: str | None) -> str:
    """What lets a service take the models that wait for it. Raises :class:`EnvironmentProblem` without it."""
    there = SERVICES[service]
    found = (key or find_key()) if service == "wandb" else hub.token()
    if not found:
        raise EnvironmentProblem(
            f"no {there.credential}, and {len(waiting)} model{'' if len(waiting) == 1 else 's'} queued: "
            + ", ".join(entry.model for entry in waiting[:5]),
            where=str(workspace.outbox),
            hint=f"{there.how}, then push again",
        )
    try:
        version(there.package)
    except PackageNotFoundError:
        raise EnvironmentProblem(
            f"uploading needs {there.package}, not installed here", hint="pip install 'runner[train]'"
        ) from None
    return found


def _push_one(
    workspace: Workspace,
    entry: Entry,
    key: str,
    attempts: int,
    timeout: float,
    verify: Callable[[Path], Any],
    pause: float,
) -> Result:
    box = workspace.outbox
    try:
        with upload_queue.lock(box, entry.id):
            # Another push may have finished it while we waited.
            entry = upload_queue.read(box, entry.id)
            if entry.state == "done":
                return Result(entry.id, entry.model, "done", entry.artifact_name, entry.version)
            entry = upload_queue.mark(box, entry, "uploading", attempts=entry.attempts + 1)
            try:
                _check(entry, verify)
                answer = _with_retries(entry, key, attempts, timeout, pause)
            except RunnerError as error:
                # What the machine or the network refused may work later; what is wrong with the model will not.
                later = isinstance(error, EnvironmentProblem)
                entry = upload_queue.mark(box, entry, "queued" if later else "failed", last_error=error.message)
                return Result(
                    entry.id, entry.model, entry.state, entry.artifact_name,
                    error=error.message, hint=error.hint, exit_code=int(error.code),
                )  # fmt: skip
            except BaseException:
                upload_queue.mark(box, entry, "queued", last_error="the push was interrupted")
                raise
            upload_queue.mark(box, entry, "done", last_error=None, version=answer["version"])
            return Result(
                entry.id, entry.model, "done", entry.artifact_name, version=answer["version"], url=answer["url"]
            )
    except ConflictError as error:
        return Result(entry.id, entry.model, "busy", entry.artifact_name, error=error.message, hint=error.hint)


def _check(entry: Entry, verify: Callable[[Path], Any]) -> None:
    folder = Path(entry.path)
    verify(folder)
    if sha256_file(folder / manifests.NAME) != entry.manifest_sha256:
        raise IntegrityError(
            "this is not the model that was queued: its manifest is another one",
            where=str(folder),
            hint="train again; `runner artifacts status` shows what waits",
        )


def _with_retries(entry: Entry, key: str, attempts: int, timeout: float, pause: float) -> dict[str, Any]:
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential, wait_random

    retrying = Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, RunnerError) and error.retryable),
        stop=stop_after_attempt(attempts),
        wait=wait_exponential(multiplier=pause, max=30 * pause) + wait_random(0, pause),
        reraise=True,
    )
    return retrying(attempt, entry, key, timeout)


def exit_code(results: list[Result]) -> ExitCode:
    """What ``runner artifacts push`` returns: the first failure's code, apart from any training's."""
    return next((ExitCode(result.exit_code) for result in results if result.exit_code), ExitCode.DONE)
