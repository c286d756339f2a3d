"""Counting the memory that tensors take, while they are computed with shapes alone."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter
from torch.utils.flop_counter import flop_registry

aten = torch.ops.aten


class MemoryTrace(TorchDispatchMode):
    """Every storage that lives, by what it is for, and the most that lived at once in each phase.

    It is used around a ``FakeTensorMode``: operations give shapes and no numbers. What a kernel takes for itself and
    gives back before it returns is no tensor that it gives: of those only the large ones that are known are counted.
    """

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        #: What new storages are for.
        self.label = "weights"
        #: Bytes that live now, by what they are for.
        self.now: Counter[str] = Counter()
        #: The most that lived at once, by phase: bytes by what they were for.
        self.peaks: dict[str, dict[str, int]] = {}
        #: Floating-point operations of matrix products since the last :meth:`phase` began.
        self.flops = 0
        self._vocabulary = vocabulary
        self._live: dict[int, tuple[int, str]] = {}
        self._phase, self._most = "", 0

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Keep the most that lives at once within, as the phase's."""
        self._phase, self._most, self.flops = name, -1, 0
        self._look()
        yield
        self._phase = ""

    def take_for(self, label: str, tensor: torch.Tensor) -> None:
        """Count a tensor's storage as what ``label`` says from now on."""
        key = tensor.untyped_storage()._cdata
        if key in self._live:
            size, before = self._live[key]
            self.now[before] -= size
            self.now[label] += size
            self._live[key] = size, label

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in (aten._pin_memory.default, aten.pin_memory.default):
            return args[0]
        if func is aten.logsumexp.default:
            # The kernel holds the differences to the greatest, whose exponentials it adds up.
            self._look(args[0].nbytes)
        out = func(*args, **kwargs)
        for tensor in tree_iter(out):
            if isinstance(tensor, torch.Tensor):
                self._see(tensor)
        if func._overloadpacket in flop_registry:
            self.flops += int(flop_registry[func._overloadpacket](*args, **kwargs, out_val=out))
        return out

    def _see(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._live:
            return
        label = self.label
        if label in ("activations", "work of the backward pass") and tensor.ndim > 1:
            label = "odds of tokens" if tensor.shape[-1] == self._vocabulary else label
        size = storage.nbytes()
        self._live[key] = size, label
        self.now[label] += size
        weakref.finalize(storage, self._gone, key)
        self._look()

    def _gone(self, key: int) -> None:
        size, label = self._live.pop(key)
        self.now[label] -= size

    def _look(self, beside: int = 0) -> None:
        total = sum(self.now.values()) + beside
        if self._phase and total > self._most:
            self._most = total
            self.peaks[self._phase] = dict(self.now) | ({"odds of tokens": self.now["odds of tokens"] + beside})
