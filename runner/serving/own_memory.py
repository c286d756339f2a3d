"""Weights in the server's own memory.

What is read of safetensors on a CPU is the file itself, mapped: bytes that change in it after they were checked would
change answers, and a file that is cut would end the process. A server lives long, so its weights are copied once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

#: How deep modules lie within a predictor.
DEPTH = 3


def keep(predictor: Any) -> None:
    """Copy the weights of every module that a predictor has, one tensor after the other."""
    import torch

    with torch.no_grad():
        for module in _modules(predictor, DEPTH, set()):
            for tensor in (*module.parameters(), *module.buffers()):
                if tensor.device.type == "cpu":
                    tensor.data = tensor.data.clone()


def _modules(found: Any, depth: int, seen: set[int]) -> Iterator[Any]:
    from torch import nn

    if id(found) in seen:
        return
    seen.add(id(found))
    if isinstance(found, nn.Module):
        yield found
    elif depth and type(found).__module__.partition(".")[0] not in ("torch", "transformers", "numpy", "builtins"):
        for value in getattr(found, "__dict__", {}).values():
            yield from _modules(value, depth - 1, seen)
    elif isinstance(found, list | tuple) and depth:
        for value in found:
            yield from _modules(value, depth - 1, seen)
