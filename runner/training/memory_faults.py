"""Telling the want of memory from other faults."""

from __future__ import annotations


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that there was no memory, of the CPU or of a GPU: Python's, torch's, a library's."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error)
    return "not enough memory" in text or "can't allocate memory" in text or "Cannot allocate memory" in text
