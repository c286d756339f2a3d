"""``runner runs tensorboard``"""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from runner.cli.output import show
from runner.cli.parameters import Json
from runner.runs.run_folder import find_run
from runner.workspace import Workspace


def tensorboard(
    run: str,
    *,
    stop: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
) -> None:
    """Show a run in TensorBoard, on a free port of this machine alone, until it is stopped.

    A run that wrote nothing for TensorBoard while it went on (`tensorboard` in its spec) is shown by its own record, as
    far as that goes now.

    Example: runner runs tensorboard last

    Example: runner runs tensorboard last --stop

    Parameters
    ----------
    run
        The run's id, a part of it, or "last".
    stop
        End the TensorBoard that shows the run, and no other.
    """
    from runner.tracking import tensorboard_server
    from runner.tracking.tensorboard_listener import write_all, written

    found = find_run(Workspace.current().runs, run)
    if stop:
        ended = tensorboard_server.stop(found.path)
        show({"run": found.id, "stopped": ended.url, "pid": ended.pid}, f"stopped: {ended.url}", as_json=json)
        return
    shown = tensorboard_server.shown(found.path)
    if shown is None:
        if not written(found.path):
            write_all(found.path, found.document("spec"))
        shown = tensorboard_server.start(found.path, keep=True).shown
    document: dict[str, Any] = {"run": found.id, "url": shown.url, "pid": shown.pid}
    how = tensorboard_server.how_to_stop(found.path) if shown.kept else "it ends with the run"
    text = f"{shown.url}\n{'stop it with: ' if shown.kept else ''}{how}"
    show(document | {"stop": how if shown.kept else None}, text, as_json=json)
