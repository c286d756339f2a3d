"""``runner replay``"""

from __future__ import annotations

import gc
import sys
from typing import Literal

from runner.cli.output import say, show, table
from runner.cli.parameters import Json
from runner.workspace import Workspace


def replay(model: str, *, executor: Literal["auto", "local", "docker"] | None = None, json: Json = False) -> int:
    """Run a stored model's spec again, in the same image where there was one, and report the differences.

    Example: runner replay dense_network/quickstart

    Exits 0 when the replayed model is the same, 1 when it differs. The replay is a run of its own: it stores a new
    version.

    Parameters
    ----------
    model
        The stored model: TYPE/NAME, or TYPE/NAME/vN.
    executor
        Where to run. Default: where the original ran.
    """
    gc.enable()
    from runner.execution.replay import replay as run_again
    from runner.tracking.terminal import TerminalListener

    listener = TerminalListener(sys.stderr)
    try:
        report = run_again(model, Workspace.current(), executor=executor, listeners=[listener], say=say)
    finally:
        listener.close()

    def human() -> str:
        same = f"{report['replayed']} is the same model as {report['original']}: every file, every metric"
        if not report["differences"]:
            return same
        rows = [(row["what"], row["was"], row["is"]) for row in report["differences"]]
        differences = table(("DIFFERENCE", report["original"], report["replayed"]), rows)
        return f"{differences}\n\n{same}" if report["same"] else differences

    show(report, human, as_json=json)
    return 0 if report["same"] else 1
