"""A training in several processes: started as ``torchrun`` starts them, watched, and ended together.

The worker starts them and waits. Each is ``runner worker RUN --rank N``, with one GPU where there are GPUs. The first
tells of the training and writes; of every one it is known how it ended (:mod:`runner.execution.rank_faults`).
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from runner.errors import EnvironmentProblem
from runner.execution.rank_faults import ProcessEnd
from runner.runs.run_documents import Outcome
from runner.runs.run_folder import Run
from runner.training.threads import VARIABLE, wanted_threads

#: The folder of a run in which each process says how it ended.
FOLDER = "processes"
#: How often they are looked at, seconds.
TICK = 0.05
#: How long those that are left may take to end when one has failed, seconds.
PATIENCE = 10


def carry_out(run: Run, count: int, device: str, stop_requested: Callable[[], bool]) -> list[ProcessEnd]:
    """Start them and return how they ended, by rank. One that fails ends the others.

    Raises :class:`EnvironmentProblem` where there are fewer GPUs than processes.
    """
    # torchrun's own handling of signals would end the processes without a checkpoint.
    os.environ["TORCHELASTIC_SIGNALS_TO_HANDLE"] = "SIGQUIT"
    from torch.distributed import TCPStore
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SubprocessContext, start_processes

    visible = [] if device == "cpu" else gpus_for(count)
    folder = run.path / FOLDER
    folder.mkdir(exist_ok=True)
    for left in folder.glob("*.json"):
        left.unlink()
    store = TCPStore("127.0.0.1", 0, count, is_master=True, wait_for_workers=False)
    threads = max(1, (wanted_threads() or os.cpu_count() or 1) // count)
    environment = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(store.port),
        "WORLD_SIZE": str(count),
        VARIABLE: str(threads),
    }
    words = ("-m", "runner", "worker", str(run.path), "--rank")
    with tempfile.TemporaryDirectory() as scratch, _lease() as end_lease:
        processes = start_processes(
            name="worker",
            entrypoint=sys.executable,
            args={rank: (*words, str(rank)) for rank in range(count)},
            envs={
                rank: environment
                | {"RANK": str(rank)}
                # Of the GPUs that a process sees its own is the first.
                | ({"CUDA_VISIBLE_DEVICES": visible[rank], "LOCAL_RANK": "0"} if visible else {"LOCAL_RANK": str(rank)})
                for rank in range(count)
            },
            logs_specs=DefaultLogsSpecs(log_dir=scratch),
        )
        try:
            assert isinstance(processes, SubprocessContext)
            handles = {rank: each.proc for rank, each in processes.subprocess_handlers.items()}
            while any(handle.poll() is None for handle in handles.values()):
                if stop_requested():
                    end_lease()
                if any(handle.poll() for handle in handles.values()):
                    break
                time.sleep(TICK)
            ended = {rank for rank, handle in handles.items() if handle.poll() is not None}
            processes.close(signal.SIGTERM, timeout=PATIENCE)
        finally:
            processes.close(signal.SIGKILL)
    return [
        ProcessEnd(
            rank,
            code if (code := handle.wait()) >= 0 else 128 - code,
            by_itself=rank in ended,
            outcome=run.read(f"{FOLDER}/{rank}", Outcome),
        )
        for rank, handle in sorted(handles.items())
    ]


def gpus_for(count: int) -> list[str]:
    """The GPU of each process, as ``CUDA_VISIBLE_DEVICES`` names them. Raises :class:`EnvironmentProblem`."""
    import torch

    named = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    here = torch.cuda.device_count()
    if here < count:
        raise too_few_gpus(count, here)
    return (named or [str(number) for number in range(here)])[:count]


def too_few_gpus(count: int, here: int) -> EnvironmentProblem:
    """The error of a training with more processes than there are GPUs."""
    return EnvironmentProblem(
        f"{count} processes take a GPU each, and {here} {'is' if here == 1 else 'are'} here",
        where="/run/processes",
        hint=f'"processes": {here}, or "gpus": 0 to train on the CPU',
    )


@contextmanager
def _lease() -> Iterator[Callable[[], None]]:
    """Standard input that ends for the processes when this one ends, or when it is told to: then they stop."""
    reading, writing = os.pipe()
    own = os.dup(0)
    os.dup2(reading, 0)
    os.close(reading)
    left = [writing]

    def end() -> None:
        while left:
            os.close(left.pop())

    try:
        yield end
    finally:
        end()
        os.dup2(own, 0)
        os.close(own)
