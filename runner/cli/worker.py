"""``runner worker RUN``: what every executor starts."""

from __future__ import annotations

import gc
import os
import signal
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from runner.errors import NotFoundError, UsageError


def worker(
    run: Annotated[Path | None, Parameter(help="The run's directory, planned by `runner train`.")] = None,
    *,
    root: Annotated[
        str | None,
        Parameter(help="ROOT/RUN of a run that is executed by an engine, instead of a directory: what engines start."),
    ] = None,
    lease: Annotated[
        Literal["none", "stdin"], Parameter(help="Stop, resumably, when standard input ends: the supervisor died.")
    ] = "none",
    rank: Annotated[
        int | None, Parameter(help="Which one of the run's several processes this is: the run starts them itself.")
    ] = None,
) -> int:
    """Execute a planned run's directory, here, in this process, or in those that it starts.

    Example: docker run -v $PWD/runs/ID:/run/it IMAGE worker /run/it
    """
    gc.enable()
    from runner.execution.worker import work

    if (run is None) == (root is None):
        raise UsageError("a run's directory, or --root ROOT/RUN", hint="runner worker runs/ID")
    if run is None:
        from runner.execution.remote_entry import work_remotely

        assert root is not None
        _read_secrets()
        asking = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        for number in asking:
            # Told once more when its end is written down, it ends as it would have.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, lambda *_: None)
        try:
            return work_remotely(root)
        finally:
            for number in asking:
                # An interpreter that ends lets go of every handler but this one.
                signal.signal(number, signal.SIG_IGN)
    if not (run / "plan.json").is_file():
        raise NotFoundError("not a planned run: it has no plan.json", where=str(run), hint="`runner train` plans one")
    _read_secrets()
    if rank is not None:
        from runner.execution.process_worker import work_with_others

        return work_with_others(run, rank)
    return work(run, lease=lease == "stdin")


def _read_secrets() -> None:
    """Secrets enter a container as files; only this process sees them as variables."""
    folder = os.environ.get("RUNNER_SECRETS")
    if folder and Path(folder).is_dir():
        for secret in Path(folder).iterdir():
            if secret.is_file():
                os.environ[secret.name] = secret.read_text()
