"""Memory that nothing uses any more, given back to the machine, and found without going through all libraries."""

from __future__ import annotations

import ctypes
import gc

_aside = False


def set_libraries_aside() -> None:
    """Leave what is loaded by now out of every later collection, once in a process.

    Libraries have a million objects, and a collection takes a quarter of a second to find that none of them is free. To
    be called before a model is there: what is set aside and in a circle stays as long as the process.
    """
    global _aside
    if not _aside:
        _aside = True
        gc.freeze()


def give_back() -> None:
    """Have the allocators let go of what they keep of freed memory.

    glibc keeps the holes between blocks, which were a whole model's weights once: a next one is read beside them.
    """
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    # Other C libraries have no such call, and keep less.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
