"""Memory that nothing uses any more is given back."""

from __future__ import annotations

import ctypes
import gc
import resource
import sys
import weakref
from pathlib import Path

import pytest

from runner.training import freed_memory

BLOCK = 64 * 1024


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="glibc's allocator, on Linux"
)
def test_holes_between_blocks_are_given_back():
    # The libraries that it loads are not what is measured.
    freed_memory.give_back()
    # Small enough to come from the heap, whatever was freed before.
    blocks = [bytearray(BLOCK) for _ in range(2000)]
    for block in blocks:
        block[:] = b"1" * BLOCK
    del block, blocks[::2]
    before = _resident()
    freed_memory.give_back()
    assert before - _resident() > 800 * BLOCK


def test_circles_are_found_beside_libraries_that_are_set_aside():
    freed_memory.set_libraries_aside()
    assert gc.get_freeze_count() > 0
    model = Model()
    model.itself, gone = model, weakref.ref(model)
    del model
    freed_memory.give_back()
    assert gone() is None


def test_only_what_was_there_the_first_time_is_set_aside():
    freed_memory.set_libraries_aside()
    count = gc.get_freeze_count()
    kept = [[] for _ in range(1000)]
    freed_memory.set_libraries_aside()
    assert gc.get_freeze_count() <= count
    assert len(kept) == 1000


class Model:
    itself: Model


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
