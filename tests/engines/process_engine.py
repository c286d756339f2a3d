"""An engine of processes of this machine, for tests: detached, known by their names, and forgotten when it is told to.

It is asked for as ``slurm``: ``monkeypatch.setitem(names.ENGINES, "slurm", PROCESS_ENGINE)``.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from runner.engines.engine import EngineState, EngineStatus, Order

PROCESS_ENGINE = "tests.engines.process_engine:ProcessEngine"


class ProcessEngine:
    """Jobs are processes; their ids are the orders' names. What it knows is forgotten with :meth:`reset`."""

    name = "slurm"
    #: By name. Those that a test started and did not end are ended by :meth:`reset`.
    jobs: ClassVar[dict[str, subprocess.Popen[bytes]]] = {}
    orders: ClassVar[list[Order]] = []
    cancelled: ClassVar[list[str]] = []
    #: What jobs have in their environment beside the test's.
    environment: ClassVar[dict[str, str]] = {}
    home: ClassVar[Path] = Path()
    #: Said instead of what is: by job, or for every job.
    says: ClassVar[dict[str, EngineStatus]] = {}
    #: What is done before a submission.
    before: ClassVar[Callable[[Order], None] | None] = None

    @classmethod
    def reset(cls, home: Path) -> None:
        """End what is left, know nothing, and keep the output of jobs in this folder."""
        for job in cls.jobs.values():
            if job.poll() is None:
                kill_all(job)
        cls.jobs.clear()
        cls.orders.clear()
        cls.cancelled.clear()
        cls.says.clear()
        cls.home, cls.environment, cls.before = home, {}, None

    def check(self, order: Order) -> None: ...

    def text(self, order: Order) -> str:
        return f"# {order.name}\n" + " ".join(order.command)

    def submit(self, order: Order) -> str:
        if self.before is not None:
            type(self).before(order)
        job = self.jobs.get(order.name)
        if job is None or job.poll() is not None:
            self.orders.append(order)
            with (self.home / f"{order.name}.out").open("ab") as output:
                self.jobs[order.name] = subprocess.Popen(
                    [sys.executable, "-m", *order.command],
                    cwd=self.home,
                    env=os.environ | self.environment | dict(order.environment),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        return order.name

    def status(self, job: str) -> EngineStatus:
        if (said := self.says.get(job) or self.says.get("*")) is not None:
            return said
        process = self.jobs.get(job)
        if process is None:
            return EngineStatus(EngineState.UNKNOWN)
        code = process.poll()
        return EngineStatus(EngineState.RUNNING if code is None else EngineState.ENDED, exit_code=code)

    def words(self, job: str) -> str:
        output = self.home / f"{job}.out"
        return output.read_text(errors="replace") if output.exists() else ""

    def cancel(self, job: str) -> None:
        self.cancelled.append(job)
        process = self.jobs.get(job)
        if process is not None and process.poll() is None:
            process.terminate()


def kill_all(job: subprocess.Popen[bytes]) -> None:
    """A lost node: the job's process and all that it started are killed at once."""
    import psutil

    try:
        family = [psutil.Process(job.pid), *psutil.Process(job.pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        family = []
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    job.wait()
