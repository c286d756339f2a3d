"""``runner artifacts``: the queue of models to upload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from runner.cli.output import say, show, table
from runner.cli.parameters import Json
from runner.workspace import Workspace

if TYPE_CHECKING:
    from runner.store.upload_queue import Entry


def status(*, json: Json = False) -> None:
    """What is queued, uploaded, failed.

    Example: runner artifacts status
    """
    from runner.store import upload_queue

    box = Workspace.current().outbox
    found = upload_queue.entries(box)

    def human() -> str:
        if not found:
            return f"the outbox {box} is empty"
        rows = [
            (
                entry.state, entry.model, _project(entry),
                entry.artifact_name + (f":{entry.version}" if entry.version else ""), entry.attempts, entry.last_error,
            )
            for entry in found
        ]  # fmt: skip
        text = table(("STATE", "MODEL", "PROJECT", "ARTIFACT", "ATTEMPTS", "LAST ERROR"), rows, right=(4,))
        waiting = sum(entry.state != "done" for entry in found)
        return text + (f"\n{waiting} to upload: `runner artifacts push`" if waiting else "")

    counts = {state: sum(entry.state == state for entry in found) for state in upload_queue.STATES}
    show({"outbox": str(box), "counts": counts, "entries": [entry.as_dict() for entry in found]}, human, as_json=json)


def push(
    *,
    only: Annotated[str | None, Parameter(name="--only")] = None,
    timeout: float = 900,
    json: Json = False,
) -> int:
    """Upload what is queued, to W&B and to the Hub; what is there already is not sent twice.

    Example: runner artifacts push

    Parameters
    ----------
    only
        The id of one entry, as ``artifacts status --json`` shows it.
    timeout
        Seconds that one attempt at one model may take.
    """
    from runner.store import upload_queue
    from runner.tracking.model_upload import exit_code
    from runner.tracking.model_upload import push as upload

    workspace = Workspace.current()
    if only is not None:
        upload_queue.read(workspace.outbox, only)
    results = upload(workspace, only=only, timeout=timeout)
    for result in results:
        if result.error and not json:
            say(f"{result.model}: {result.error}" + (f"\n  {result.hint}" if result.hint else ""))
    rows = [(r.state, r.model, r.artifact + (f":{r.version}" if r.version else ""), r.url) for r in results]
    show(
        {"exit_code": int(exit_code(results)), "results": [result.as_dict() for result in results]},
        lambda: table(("STATE", "MODEL", "ARTIFACT", "RUN"), rows) if rows else "nothing to upload",
        as_json=json,
        kept="`runner artifacts status` lists what was uploaded",
    )
    return exit_code(results)


def _project(entry: Entry) -> str:
    if entry.service == "hub":
        return "the Hub"
    return "/".join(part for part in (entry.entity, entry.project) if part)
