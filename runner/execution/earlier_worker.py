"""The worker of an attempt whose supervisor is gone: it is about to end, and two never write one run."""

from __future__ import annotations

import time
from collections.abc import Sequence

from runner.errors import Interrupted, RunnerError, Stopped
from runner.execution.supervisor import TICK, Signals
from runner.runs.event_kinds import WarningEvent
from runner.runs.liveness import is_held
from runner.runs.run_folder import WORKER_LOCK, Run
from runner.tracking.run_listeners import Audience, Listener


def waited_for(run: Run, listeners: Sequence[Listener], signals: Signals) -> RunnerError | None:
    """Wait until no worker is at the run, and say so. The error of who was told to stop before that, else None.

    The end of its lease has told the worker to stop: it ends at its next step, or when it has measured and written what
    it is at. What it leaves, a checkpoint or a whole model, is what the next attempt goes on from.
    """
    lock = run.path / WORKER_LOCK
    if not is_held(lock):
        return None
    pid = (run.state().worker or {}).get("pid")
    who = "the worker of an earlier attempt" + (f" (process {pid})" if pid is not None else "")
    text = f"{who} is still at the run: this waits for it to save a checkpoint and end (Ctrl-C leaves it)"
    Audience(listeners, lambda _: None).handle(WarningEvent(t=time.time(), message=text))
    while is_held(lock):
        if signals.any:
            return Interrupted("interrupted") if signals.interrupted else Stopped("asked to stop")
        time.sleep(TICK)
    return None
