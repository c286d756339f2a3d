"""Memory that nothing uses any more, given back to the machine."""

from __future__ import annotations

import ctypes
import gc


def set_apart() -> None:
    """Have searches for unused cycles pass over all that is there now, until :func:`take_back`.

    Libraries are a million objects, which :func:`give_back` would look through for those of a model: a quarter of a
    second each time. Objects without cycles are freed as ever.
    """
    gc.freeze()


def take_back() -> None:
    """Have later searches look at those objects too."""
    gc.unfreeze()


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
