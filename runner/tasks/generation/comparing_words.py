"""How a comparison of language models reads: the columns of its table, and what they were measured on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.tasks._supervised import bench_words
from runner.tasks._supervised.bench_words import LEGEND, PAGE_LEGEND, sections
from runner.tasks.generation.comparing import ACCURACY, BITS

__all__ = ["HEADER", "LEGEND", "METRIC", "PAGE_LEGEND", "cells", "held_out", "sections"]

#: What is drawn over one axis.
METRIC = BITS.metric
HEADER = bench_words.header(BITS, (ACCURACY,))


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """One row of the table; what failed has its first line of explanation elsewhere."""
    return bench_words.cells(row, BITS, (ACCURACY,))


def held_out(found: Mapping[str, Any]) -> list[str]:
    """What all models are measured on."""
    rows, pairs = found["held_out"]["rows"], found["held_out"]["pairs"]
    beside = f", {pairs:,} of them pairs of answers" if pairs else ""
    return [f"measured on the same {rows:,} held-out rows{beside}"]
