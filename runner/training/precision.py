"""The one switch for faster arithmetic: on a GPU, bfloat16 where it holds and TF32 for the rest; on a CPU, nothing."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any


def fast(device: str) -> AbstractContextManager[Any]:
    """The context that a forward pass runs in while training.

    On ``cuda``: bfloat16 autocast where the GPU has it, and TF32 in float32 products. Elsewhere plain float32, whose
    results are the same in every run. Weights, optimizer and loss stay float32 everywhere.
    """
    if not device.startswith("cuda"):
        return nullcontext()
    import torch

    torch.set_float32_matmul_precision("high")
    return torch.autocast("cuda", torch.bfloat16, enabled=torch.cuda.is_bf16_supported())
