"""How fast this machine multiplies matrices."""

from __future__ import annotations

import time

import torch

from runner.training.precision import Precision, arithmetic

#: Rows and columns of the matrices, on a CPU and on a GPU.
SIZES = {"cpu": 768, "cuda": 4096}
#: Seconds that are spent.
LONG = 0.2


def measured_rate(device: str, precision: Precision) -> float:
    """Floating-point operations a second, of the fastest product among those that 0.2 s have room for."""
    kind = device.partition(":")[0]
    size = SIZES[kind]
    a, b = torch.ones(2, size, size, device=device)
    best, ends = float("inf"), time.monotonic() + LONG
    with torch.no_grad(), arithmetic(device, precision):
        a @ b
        while best == float("inf") or time.monotonic() < ends:
            started = time.perf_counter()
            product = a @ b
            if kind == "cuda":
                torch.cuda.synchronize()
            best = min(best, time.perf_counter() - started)
            del product
    return 2 * size**3 / best
