"""Negatives that are looked for before a training: ``hard_negatives``."""

from __future__ import annotations

from runner.contract import Section, option


class HardNegatives(Section):
    """Texts of other rows that the base model takes for an anchor's own."""

    count: int = option(1, ge=1, le=100, description="How many are put to every pair.")
    skip: int = option(
        0,
        ge=0,
        le=10_000,
        description="Pass over so many of the nearest texts first: they may belong to the anchor too.",
    )
    margin: float = option(
        0.0,
        ge=0,
        lt=2,
        description="A negative's cosine is at least this much less than that of the anchor's own text.",
    )
