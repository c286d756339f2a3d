"""One of several processes that train one model together: ``runner worker RUN --rank N``."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from filelock import FileLock

from runner.contract import Processes
from runner.errors import ExitCode, RunFailed, Stopped, UsageError
from runner.execution import rank_faults
from runner.execution.plan_document import PlanDocument
from runner.execution.process_launcher import FOLDER
from runner.execution.rank_faults import PeerLost
from runner.execution.stop_flag import StopFlag
from runner.execution.worker import carry_out, done, listeners
from runner.runs.event_hold import Hold
from runner.runs.events import EventWriter
from runner.runs.run_documents import Outcome
from runner.runs.run_folder import Run
from runner.tracking.run_listeners import Audience

#: Bytes that are held from the start and given back at an error: who has come to the limit of the memory can tell it.
RESERVE = 4 * 2**20


def work_with_others(path: Path, rank: int) -> int:
    """Train, and say how it ended in ``processes/RANK.json``; 0 for an end in order, which a stop is.

    The first process, of rank 0, tells of the training.
    """
    started = time.monotonic()
    run, stop = Run(path), StopFlag()
    count = _count(rank)
    # Its parent alone stops it, by the end of the input. A signal comes when another process has failed.
    stop.follow(os.getppid())
    signal.signal(signal.SIGTERM, _end)
    events = EventWriter(run.path)
    audience = Audience(listeners(run, events) if rank == 0 else [], lambda text: print(text, file=sys.stderr))
    hold = Hold.asked() if rank == 0 else None

    def emit(event: str, **fields: Any) -> None:
        if rank:
            return
        audience.handle(events.emit(event, **fields))
        if hold is not None:
            hold.reached(event, stop.requested)

    joined: list[Any] = []

    def join(plan: PlanDocument, device: str) -> Processes:
        from runner.training.process_group import ProcessGroup
        from runner.training.sharded_group import ShardedGroup

        joined.append((ShardedGroup if plan.sharding == "full" else ProcessGroup)(rank, count, device))
        return joined[0]

    code, reserve = ExitCode.BUG, [bytearray(RESERVE)]
    try:
        # An attempt before this one may still be about to end.
        with FileLock(run.path / f".rank-{rank}.lock", timeout=60):
            carry_out(run, stop, emit, join)
            joined[0].close()
        outcome, code = done(started), ExitCode.DONE
    except BaseException as error:  # noqa: BLE001 - whatever ended the process is recorded, then told by the code
        reserve.clear()
        fault = rank_faults.fault_of(error)
        if fault.code is ExitCode.BUG or isinstance(fault, RunFailed | PeerLost):
            traceback.print_exc()
        outcome, code = rank_faults.told(fault), fault.code
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        audience.close(code)
        events.close()
    run.write(f"{FOLDER}/{rank}", outcome)
    sys.stderr.flush()
    # Without the libraries' own ends, which wait for processes that may be gone.
    os._exit(ExitCode.DONE if _in_order(outcome) else code)


def _in_order(outcome: Outcome) -> bool:
    return outcome.ok or (outcome.error is not None and outcome.error.error == Stopped.kind)


def _end(*_: object) -> None:
    raise PeerLost("ended, because another process of the training failed")


def _count(rank: int) -> int:
    """How many processes there are. Raises :class:`UsageError` outside of them."""
    try:
        count = int(os.environ["WORLD_SIZE"])
        if 0 <= rank < count and {"MASTER_ADDR", "MASTER_PORT"} <= os.environ.keys():
            return count
    except (KeyError, ValueError):
        pass
    raise UsageError(
        f"there are no other processes for rank {rank}", where="--rank", hint="leave it out: a run starts them itself"
    )
