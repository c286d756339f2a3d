"""``runner remote status | logs | cancel | fetch``: a run on an engine, by its directory alone."""

from __future__ import annotations

import json as jsonlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from runner.cli import streams
from runner.cli.output import say, show, table
from runner.cli.parameters import Dash, Json
from runner.errors import UsageError
from runner.workspace import Workspace

if TYPE_CHECKING:
    from runner.runs.run_folder import Run


def status(run: str, *, json: Json = False) -> None:
    """Where a run on an engine stands: its attempts, its checkpoints, and what the engine says of its job.

    Example: runner remote status last

    Example: runner remote status /shared/runs/elo-3f9d2c1b7a60

    Parameters
    ----------
    run
        A run of this folder, or ROOT/RUN of one that was submitted elsewhere.
    """
    from runner.execution import remote_control

    document = remote_control.status(remote_control.named(run, Workspace.current()).root)

    def human() -> str:
        rows = [
            (
                each["attempt"],
                each.get("host"),
                each.get("how") or f"heard of {each.get('silent_for', 0):.0f} s ago",
                (each.get("failure") or {}).get("message"),
            )
            for each in document["attempts"]
        ]
        engine = document["engine"]
        facts = [
            f"{document['run']}  {document['standing']}",
            f"  directory    {document['root']}",
            *([f"  engine       {engine['engine']}: job {engine['job']}, {engine['state']}"] if engine else []),
            *([f"  why          {engine['why']}"] if engine and engine["why"] else []),
            f"  counted      {document['interruptions']} interruptions, {document['errors']} errors",
            *([f"  checkpoints  {', '.join(document['checkpoints'])}"] if document["checkpoints"] else []),
            *([f"  failed       {document['failure']['message']}"] if document["failure"] else []),
        ]
        listed = ["", table(("ATTEMPT", "ON", "STANDS", "WHY"), rows, right=(0,))] if rows else []
        return "\n".join([*facts, *listed])

    show(document, human, as_json=json)


def logs(
    run: str,
    *,
    follow: Annotated[bool, Parameter(name=("--follow", "-f"), negative="")] = False,
    attempt: int = 1,
    offset: int = 0,
    json: Json = False,
) -> None:
    """Print what a run on an engine said: its events, then the output of its worker, of every attempt.

    They are in the run's directory: the cluster need not be there any more.

    Example: runner remote logs last --follow

    Parameters
    ----------
    run
        A run of this folder, or ROOT/RUN of one that was submitted elsewhere.
    follow
        Stay until the run ends.
    attempt
        Begin with this attempt.
    offset
        Begin at this byte of that attempt's output, where a piece begins: what `--json` tells as "next".
    """
    from runner.engines.followed_words import Place, pieces
    from runner.engines.verdict import Standing
    from runner.execution import remote_control
    from runner.runs.event_kinds import read_event
    from runner.tracking.terminal import TerminalListener

    if attempt < 1 or offset < 0:
        raise UsageError("attempts count from 1, and bytes from 0", where="--attempt" if attempt < 1 else "--offset")
    root = remote_control.named(run, Workspace.current()).root
    places = {"events": Place(attempt=attempt), "log": Place(attempt=attempt, offset=offset)}
    listener = TerminalListener(sys.stdout, terminal=False)
    said: dict[str, bytes] = {"events": b"", "log": b""}
    over = (Standing.DONE, Standing.FAILED, Standing.CANCELLED)
    while True:
        # Before what it said is read: what it says last is read then.
        ended = remote_control.look(root).standing in over
        for stream in ("events", "log"):
            for data, place in pieces(root, stream, places[stream]):
                places[stream] = place
                if json:
                    said[stream] += data
                elif stream == "log":
                    sys.stdout.write(data.decode(errors="replace"))
                else:
                    for line in data.splitlines():
                        listener.handle(read_event(jsonlib.loads(line)))
        sys.stdout.flush()
        if ended or not follow or streams.lost() is not None:
            break
        time.sleep(0.5)
    listener.close()
    if json:
        document = {
            "run": root.id,
            "events": [jsonlib.loads(line) for line in said["events"].splitlines()],
            "log": said["log"].decode(errors="replace"),
            "next": places["log"].to_document(),
        }
        show(document, "", as_json=True)


def cancel(run: str, *, wait: float = 600, json: Json = False) -> None:
    """Close a run on an engine for good. It saves a checkpoint; this waits until its last process is gone.

    Example: runner remote cancel last

    Parameters
    ----------
    run
        A run of this folder, or ROOT/RUN of one that was submitted elsewhere.
    wait
        How long to wait for its last process, seconds.
    """
    from runner.execution import remote_control

    root = remote_control.named(run, Workspace.current()).root
    how = remote_control.cancel(root, wait, say)
    document = {"run": root.id, "root": root.address, "standing": "cancelled", "ended": how}
    show(document, f"{root.id} cancelled: {how}", as_json=json, kept=f"{root.id} is cancelled")


def fetch(run: str, *, json: Json = False) -> None:
    """Bring the model of a run that is done, check every byte, and store it as any model.

    Example: runner remote fetch s3://bucket/runs/elo-3f9d2c1b7a60

    Parameters
    ----------
    run
        A run of this folder, or ROOT/RUN of one that was submitted elsewhere.
    """
    from runner.execution import remote_control

    workspace = Workspace.current()
    made, model = remote_control.fetch(remote_control.named(run, workspace), workspace)
    document: dict[str, Any] = {"run": made.id, "model": model.reference, "path": str(model.path)}
    show(document, f"stored as {model.reference}", as_json=json, kept=f"stored as {model.reference}")


def stage(file: Annotated[Path, Dash, Parameter(help="The spec file.")], *, json: Json = False) -> None:
    """Put a spec and all that it reads into the directory of its run, and start nothing.

    Any machine that reaches the directory trains it then, by the command that is printed: one of a scheduler that
    Runner knows nothing of, or one that `runner spec export --to skypilot` describes.

    Example: runner remote stage spec.json
    """
    import shlex

    from runner.execution.staging import stage as staged_now
    from runner.spec.checking import load_file

    staged = staged_now(load_file(file), Workspace.current())
    command = shlex.join(staged.order.command)
    document = {"run": staged.run, "root": staged.address, "command": command}
    text = f"{staged.address} is ready\n  start it there  {command}"
    show(document, text, as_json=json, kept=f"{staged.address} is ready")


def left(run: Run, *, as_json: bool) -> None:
    """What ``runner train --detach`` says when it leaves."""
    from runner.execution.remote_run import RemoteRun

    remote = run.needed("remote", RemoteRun)
    address = remote.open().address
    document = {"run": run.id, "root": address, "worker": run.state().worker}
    text = "\n".join(
        [
            f"{run.id} goes on as {address}",
            f"  follow it   runner train --resume {run.id}",
            f"  look at it  runner remote status {address}",
            f"  end it      runner remote cancel {address}",
        ]
    )
    show(document, text, as_json=as_json, kept=f"{run.id} goes on as {address}")
