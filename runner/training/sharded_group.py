"""Processes that hold a part of the weights each, gradients and optimizer's state with them: ``run.sharding`` "full".

It is FSDP (Zhao et al., "PyTorch FSDP", 2023), in torch's second form of it, ``fully_shard``: the weights of a layer
are brought together when it computes, and given back then. A layer is what transformers never divides
(``_no_split_modules``).
"""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from runner.training.process_group import ProcessGroup


class ShardedGroup(ProcessGroup):
    """This process among others, of which each holds a part of the model."""

    sharded = True

    def __init__(self, rank: int, count: int, device: str) -> None:
        super().__init__(rank, count, device)
        from torch.distributed.device_mesh import init_device_mesh

        # Nothing here changes what a model gives in its place.
        warnings.filterwarnings("ignore", message="FSDP2-wrapped module")
        self._mesh = init_device_mesh(device, (count,))

    def placed(self, model: Any, device: str) -> Any:
        from torch.distributed.fsdp import fully_shard

        undivided = set(getattr(model, "_no_split_modules", None) or ())
        for module in list(model.modules()):
            if type(module).__name__ in undivided:
                fully_shard(module, mesh=self._mesh)
        fully_shard(model, mesh=self._mesh)
        return model

    def _apart(self) -> AbstractContextManager[None]:
        # A whole model's gradients would have to be kept until the last batch.
        return nullcontext()

    def learner(self, model: Any) -> Any:
        return model

    def at_rest(self, model: Any) -> Any:
        if hasattr(model, "reshard"):
            model.reshard()
        return model

    def whole(self, tensor: Any) -> Any:
        import torch
        from torch.distributed.tensor import DTensor

        if not isinstance(tensor, DTensor):
            return tensor
        full = tensor.full_tensor()
        # The others have helped, and have no use for it.
        return full.cpu() if self.first else torch.empty(0)

    def part(self, tensor: Any, like: Any) -> Any:
        from torch.distributed.tensor import DTensor, distribute_tensor

        if not isinstance(like, DTensor) or tensor.shape != like.shape:
            return tensor
        # Every process has read the same: none has to send it.
        return distribute_tensor(tensor.to(like.device), like.device_mesh, like.placements, src_data_rank=None)
