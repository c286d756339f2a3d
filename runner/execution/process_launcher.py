"""A training in several processes: started as ``torchrun`` starts them, watched, and ended together.

Of a training on several nodes, those of this one (:mod:`runner.execution.nodes`).

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

from runner.errors import EnvironmentProblem, NodeLost
from runner.execution.nodes import NodeLink, Nodes, interface_towards, open_store
from runner.execution.rank_faults import ProcessEnd
from runner.runs.run_documents import Outcome
from runner.runs.run_folder import Run
from runner.training.threads import VARIABLE, wanted_threads

#: A machine that trains without others.
ALONE = Nodes()
#: The folder of a run in which each process says how it ended.
FOLDER = "processes"
#: How often they are looked at, seconds.
TICK = 0.05
#: How long those that are left may take to end when one has failed, seconds.
PATIENCE = 10


def carry_out(
    run: Run, count: int, device: str, stop_requested: Callable[[], bool], nodes: Nodes = ALONE
) -> list[ProcessEnd]:
    """Start this node's share of ``count`` processes and return how they ended, by rank; in the head of several nodes,
    how all of them ended. One that fails ends the others, on every node.

    Raises :class:`EnvironmentProblem` where there are fewer GPUs than processes, and :class:`~runner.errors.NodeLost`
    for a node that is gone.
    """
    # torchrun's own handling of signals would end the processes without a checkpoint.
    os.environ["TORCHELASTIC_SIGNALS_TO_HANDLE"] = "SIGQUIT"
    own = nodes.own(count)
    visible = [] if device == "cpu" else gpus_for(len(own))
    folder = run.path / FOLDER
    folder.mkdir(exist_ok=True)
    for left in folder.glob("*.json"):
        left.unlink()
    store = open_store(nodes, count, stop_requested)
    link = NodeLink(nodes, store, run.id) if nodes.count > 1 else None
    try:
        ends = _started(run, own, visible, _environment(nodes, count, len(own), store.port), stop_requested, link)
    except NodeLost:
        if link is not None:
            link.give_up()
        raise
    if link is None:
        return ends
    link.leave(ends)
    return [*ends, *link.others()] if nodes.rank == 0 else ends


def _environment(nodes: Nodes, count: int, own: int, port: int) -> dict[str, str]:
    """The variables that all of this node's processes have, as ``torchrun`` names them."""
    threads = max(1, (wanted_threads() or os.cpu_count() or 1) // own)
    # The head's own processes need not know its name.
    made = {
        "MASTER_ADDR": nodes.host if nodes.rank else "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(own),
        VARIABLE: str(threads),
    }
    if nodes.count > 1 and (interface := interface_towards(nodes.host)) is not None:
        made |= {name: os.environ.get(name, interface) for name in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")}
    return made


def _started(
    run: Run,
    ranks: range,
    visible: list[str],
    environment: dict[str, str],
    stop_requested: Callable[[], bool],
    link: NodeLink | None,
) -> list[ProcessEnd]:
    """Start processes of these ranks, watch them to their end, and return how they ended."""
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SubprocessContext, start_processes

    words = ("-m", "runner", "worker", str(run.path), "--rank")
    with tempfile.TemporaryDirectory() as scratch, _lease() as end_lease:
        processes = start_processes(
            name="worker",
            entrypoint=sys.executable,
            args={here: (*words, str(rank)) for here, rank in enumerate(ranks)},
            envs={
                here: environment
                | {"RANK": str(rank)}
                # Of the GPUs that a process sees its own is the first.
                | ({"CUDA_VISIBLE_DEVICES": visible[here], "LOCAL_RANK": "0"} if visible else {"LOCAL_RANK": str(here)})
                for here, rank in enumerate(ranks)
            },
            logs_specs=DefaultLogsSpecs(log_dir=scratch),
        )
        try:
            assert isinstance(processes, SubprocessContext)
            handles = {ranks[here]: each.proc for here, each in processes.subprocess_handlers.items()}
            while any(handle.poll() is None for handle in handles.values()):
                stop = stop_requested()
                all_stop, others_failed = (stop, False) if link is None else link.tend(stop)
                if all_stop:
                    end_lease()
                if others_failed or any(handle.poll() for handle in handles.values()):
                    break
                time.sleep(TICK)
            ended = {rank for rank, handle in handles.items() if handle.poll() is not None}
            if link is not None and any(handle.poll() for handle in handles.values()):
                link.fail()
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
