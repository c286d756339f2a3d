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


def test_what_is_set_apart_is_passed_over_and_what_comes_later_is_not():
    class Node:
        pass

    def circle() -> weakref.ref[Node]:
        node = Node()
        node.itself = node  # type: ignore[attr-defined]
        return weakref.ref(node)

    gc.disable()
    early = circle()
    freed_memory.set_apart()
    gc.enable()
    later = circle()
    freed_memory.give_back()
    assert early() is not None and later() is None
    freed_memory.take_back()
    freed_memory.give_back()
    assert early() is None


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
