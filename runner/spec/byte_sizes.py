"""Amounts of memory as the container engine writes them."""

from __future__ import annotations

MEMORY_PATTERN = r"^[1-9][0-9]{0,8}[kmgtKMGT]$"
_UNITS = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


def parse_memory(text: str) -> int:
    """``"512m"`` -> 536870912: units are powers of 1024, as the engine's are. Of a text that fits the pattern."""
    return int(text[:-1]) * _UNITS[text[-1].lower()]
