"""The local executor: the worker as a child process, its life tied to ours."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import Any

from runner.errors import EnvironmentProblem, RunnerError
from runner.execution.executor import Job
from runner.execution.gpu_devices import VISIBLE, all_gpus
from runner.execution.process_launcher import too_few_gpus
from runner.training.threads import wanted_threads


class LocalHandle:
    """A worker that is our child. Its standard input is the lease: it closes when we die."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def poll(self) -> int | None:
        code = self._process.poll()
        # A child ended by signal N is -N to Python, 128+N to a shell and to a container.
        return code if code is None or code >= 0 else 128 - code

    def terminate(self) -> None:
        # The worker alone: what it started (W&B's service, data loaders) ends with it, in its order.
        self._process.terminate()
        if signal.getsignal(signal.SIGTERM) is signal.SIG_IGN and self._process.stdin:
            # Then it ignores SIGTERM too: the end of the lease says the same.
            self._process.stdin.close()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def facts(self) -> dict[str, Any]:
        return {"pid": self._process.pid}

    def forget_secrets(self) -> None:
        """They are in the worker's memory and nowhere else."""

    def memory_used(self) -> int | None:
        """Resident bytes of the worker and its children: without a container nobody else enforces the limit."""
        import psutil

        try:
            process = psutil.Process(self._process.pid)
            family = [process, *process.children(recursive=True)]
            return sum(member.memory_info().rss for member in family)
        except psutil.Error:
            return None

    def failure(self) -> RunnerError | None:
        return None

    def close(self) -> None:
        self.kill()
        self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()


class LocalExecutor:
    """Runs jobs as child processes of this one."""

    name = "local"

    def check(self, job: Job) -> None:
        if not job.cpus:
            wanted_threads()
        if job.gpus == 0 or (job.gpus is None and job.processes == 1):
            return
        visible = len(all_gpus())
        if job.processes > 1 and visible < job.processes and (visible or job.gpus is not None):
            raise too_few_gpus(job.processes, visible)
        if job.gpus is None:
            return
        wanted = 1 if job.gpus == "all" else int(job.gpus)
        if visible < wanted:
            raise EnvironmentProblem(
                f"the spec asks for {job.gpus} GPU{'s' if wanted > 1 else ''} and this machine has {visible}",
                where="/run/gpus",
                hint='set "gpus": 0 to train on the CPU, or run where there is one (`runner doctor` shows)',
            )

    def start(self, job: Job) -> LocalHandle:
        environment = dict(os.environ) | dict(job.secrets) | {"RUNNER_CACHE_DIR": str(job.cache)}
        if job.cpus:
            environment["OMP_NUM_THREADS"] = str(max(1, int(job.cpus)))
        if job.gpus == 0:
            environment[VISIBLE] = ""
        elif job.devices:
            environment[VISIBLE] = ",".join(job.devices)
        with (job.run / "log.txt").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "runner", "worker", str(job.run), "--lease", "stdin"],
                cwd=job.cwd,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C at the terminal is for us: we pass it on as SIGTERM.
                start_new_session=True,
            )
        return LocalHandle(process)

    def command(self, job: Job) -> list[str]:
        return ["runner", "worker", str(job.run)]
