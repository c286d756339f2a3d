"""Several processes that train one model: each has a part of a step's rows, and their gradients are brought together.

Every process holds the whole model (``torch.nn.parallel.DistributedDataParallel``). What all of them have to agree on,
a stop, a checkpoint, a sum, goes over gloo; gradients on GPUs over NCCL.
"""

from __future__ import annotations

import os
import warnings
import weakref
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from runner.contract import Processes


class ProcessGroup(Processes):
    """This process among the others, which it finds by ``torchrun``'s variables in the environment."""

    def __init__(self, rank: int, count: int, device: str) -> None:
        from torch import distributed

        self.rank, self.count = rank, count
        #: How many of them are on this machine.
        self._here = int(os.environ.get("LOCAL_WORLD_SIZE", count))
        self.nodes = count // self._here
        self._learner: Any = lambda: None
        for name in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
            # Of processes that are all on this machine, whose own name it need not know: a container has no network.
            os.environ.setdefault(name, "lo")
        backend = "gloo" if device == "cpu" else "cpu:gloo,cuda:nccl"
        # The process that started these holds the store.
        store = distributed.TCPStore(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), count, is_master=False)
        distributed.init_process_group(backend, store=store, rank=rank, world_size=count)

    def dealt(self, batches: Sequence[Any]) -> Iterator[tuple[Any, bool]]:
        for at in range(0, len(batches), self.count):
            own = at + self.rank
            yield batches[min(own, len(batches) - 1)], own < len(batches)

    def shared(self, batches: Sequence[Any]) -> Iterator[tuple[Any, float]]:
        for number, batch in enumerate(batches, 1):
            own = batch[self.rank :: self.count]
            # Between two batches the caller goes forward and back through the model.
            with nullcontext() if number == len(batches) else self._apart():
                yield (own, 1.0) if len(own) else (batch[:1], 0.0)

    def _apart(self) -> AbstractContextManager[None]:
        """Gradients add up in this process alone."""
        learner = self._learner()
        return nullcontext() if learner is None else learner.no_sync()

    def sum(self, values: Any) -> Any:
        import torch
        from torch import distributed

        if isinstance(values, np.ndarray):
            return self.sum(torch.from_numpy(values)).numpy()
        total = values.clone()
        if total.numel():
            distributed.all_reduce(total)
        return total

    def agreed(self, word: bool) -> bool:
        import torch
        from torch import distributed

        said = torch.tensor(int(word))
        distributed.broadcast(said, 0)
        return bool(said.item())

    def gathered(self, tensor: Any) -> list[Any]:
        import torch
        from torch import distributed

        every = [torch.empty_like(tensor) for _ in range(self.count)]
        distributed.all_gather(every, tensor)
        return every

    def learner(self, model: Any) -> Any:
        from torch.nn.parallel import DistributedDataParallel

        with warnings.catch_warnings():
            # Newer versions of torch have another name for it.
            warnings.simplefilter("ignore", FutureWarning)
            # No buffer changes in training, so none is sent before every pass.
            learner = DistributedDataParallel(model, broadcast_buffers=False, gradient_as_bucket_view=True)
        self._learner = weakref.ref(learner)
        return learner

    def wait(self) -> None:
        self.sum(np.zeros(1))

    def bring(self, folder: Path) -> None:
        if self.nodes == 1:
            self.wait()
            return
        from runner.training.sent_folder import send_folder

        send_folder(folder, source=self.first, writes=not self.first and self.rank % self._here == 0)

    @contextmanager
    def first_before(self) -> Iterator[None]:
        # The first of all, then the first of every other node, whose cache may be its own, then the rest.
        turn = 0 if self.first else 1 if self.rank % self._here == 0 else 2
        last = 1 if self.nodes == 1 else 2
        for _ in range(min(turn, last)):
            self.wait()
        yield
        for _ in range(min(turn, last), last):
            self.wait()

    def close(self) -> None:
        """Leave the others."""
        from torch import distributed

        distributed.destroy_process_group()


def is_peer_lost(error: BaseException) -> bool:
    """Whether an exception says only that another process is gone."""
    from torch import distributed

    told = str(error)
    return isinstance(error, distributed.DistError) or "gloo/transport" in told or "NCCL" in told
