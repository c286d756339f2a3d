"""Weights in the server's own memory, each once.

What is read of safetensors on a CPU is the file itself, mapped: bytes that change in it after they were checked would
change answers, and a file that is cut would end the process. A server lives long, so its weights are copied once.
Weights of the same bytes are kept once, whatever models they belong to: an adapter and its base, two adapters of one
base, a model under its own name and behind a router.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runner.inference.opening import Opened

#: How deep modules lie within a predictor: a router's encoder lies within the reader of its prompts.
DEPTH = 5
#: Bytes below which a tensor is not looked for among the others.
SMALL = 16 * 1024


class OwnMemory:
    """The weights of one server."""

    def __init__(self) -> None:
        #: What tells the same weights from others -> one tensor that has them.
        self._known: dict[tuple[Any, ...], Any] = {}

    def keep_model(self, opened: Opened) -> None:
        """The weights of a stored model, loaded; where nothing of it is torch's, they are in memory by then."""
        predictor = opened.predictor
        if "torch" in opened.builder.REQUIRES:
            self.keep(predictor)

    def keep(self, predictor: Any) -> None:
        """Have the weights of every module that a predictor has in memory, one tensor after the other.

        What reads its weights when they are first needed, as a router's encoder does, reads them now
        (``read_weights``).
        """
        import torch

        with torch.no_grad():
            for module in _modules(predictor, DEPTH, set()):
                for tensor in module.parameters():
                    tensor.data = self._one(tensor.data)
                # What a module may write to is its own.
                for tensor in module.buffers():
                    if tensor.device.type == "cpu":
                        tensor.data = tensor.data.clone()

    def _one(self, tensor: Any) -> Any:
        import torch

        own = tensor.clone() if tensor.device.type == "cpu" else tensor
        if tensor.nbytes < SMALL or not tensor.is_contiguous():
            return own
        told = hashlib.sha256(own.reshape(-1).view(torch.uint8).cpu().numpy().data).digest()
        return self._known.setdefault((tuple(tensor.shape), tensor.dtype, str(tensor.device), told), own)


def _modules(found: Any, depth: int, seen: set[int]) -> Iterator[Any]:
    from torch import nn

    if id(found) in seen:
        return
    seen.add(id(found))
    # Asked of the type: an object may make up what it does not have.
    if not isinstance(found, nn.Module) and hasattr(type(found), "read_weights"):
        found.read_weights()
    if isinstance(found, nn.Module):
        yield found
    elif depth and type(found).__module__.partition(".")[0] not in ("torch", "transformers", "numpy", "builtins"):
        for value in getattr(found, "__dict__", {}).values():
            yield from _modules(value, depth - 1, seen)
    elif isinstance(found, list | tuple) and depth:
        for value in found:
            yield from _modules(value, depth - 1, seen)
