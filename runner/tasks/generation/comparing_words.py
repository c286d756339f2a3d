"""How a comparison of language models reads: the columns of its table, and what they were measured on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.tasks._supervised import bench_words
from runner.tasks._supervised.bench_words import sections
from runner.tasks.generation import TASK
from runner.tasks.generation.comparing import ACCURACY, BITS

__all__ = ["HEADER", "LEGEND", "METRIC", "PAGE_LEGEND", "cells", "held_out", "sections"]

#: What is drawn over one axis.
METRIC = BITS.metric
#: What the columns of language models' own are.
OWN_COLUMNS = (
    f"{BITS.column}: how many bits a byte of the held-out text takes, whatever the tokenizer: less is better",
    f"{ACCURACY.column}: the share of the held-out pairs of answers of which the better one is the likelier, by byte",
)
LEGEND = (*OWN_COLUMNS, *bench_words.LEGEND)
PAGE_LEGEND = " ".join([f"{line[0].upper()}{line[1:]}." for line in OWN_COLUMNS] + [bench_words.PAGE_LEGEND])
HEADER = bench_words.header(BITS, (ACCURACY,))


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """One row of the table; what failed has its first line of explanation elsewhere."""
    return bench_words.cells(row, BITS, (ACCURACY,))


def held_out(found: Mapping[str, Any]) -> list[str]:
    """What all models are measured on."""
    rows, pairs = found["held_out"]["rows"], found["held_out"]["pairs"]
    beside = f", {pairs:,} of them {'a pair' if pairs == 1 else 'pairs'} of answers" if pairs else ""
    return [f"measured on the same {TASK.held_out(rows)}{beside}"]
