"""A node of several that is not the head: it trains with it, and writes nothing of the run.

The head takes the attempt, keeps it, sends the checkpoint that all go on from, and brings back what came of it. This
one begins its own processes, and ends when they do.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from runner.engines.run_root import RunRoot
from runner.errors import ExitCode, Stopped
from runner.execution import remote_job
from runner.execution.local_executor import LocalExecutor
from runner.execution.nodes import Nodes
from runner.execution.supervisor import Signals, attempt
from runner.runs.run_folder import Run
from runner.runs.run_state import State


def work_for_head(root: RunRoot, nodes: Nodes, signals: Signals) -> int:
    """Train with the head and return the exit code: 0, or 75 where the run may go on, or the error's own."""
    folder = Path(tempfile.mkdtemp(prefix=f"{root.id}-{nodes.rank}-", dir=remote_job.scratch()))
    try:
        run = Run(folder / root.id)
        run.path.mkdir()
        # How long the run may take is for the head to say.
        job, _ = remote_job.put_documents(root, run, nodes)
        executor = LocalExecutor()
        executor.check(job)
        with run.lock():
            run.transition(State.RUNNING, executor="local")
            error = attempt(run, executor, job, [], signals)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if error is None:
        return ExitCode.DONE
    print(f"runner: node {nodes.rank} of {nodes.count}: {error}", file=sys.stderr)
    return ExitCode.STOPPED if isinstance(error, Stopped) else error.code
