"""How many of something there are, as a sentence says it."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """``1 row``, ``1,204 rows``; ``noun`` is the plural, which ends in an s."""
    return f"1 {noun.removesuffix('s')}" if count == 1 else f"{count:,} {noun}"
