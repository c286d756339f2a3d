"""How a comparison of taggers reads: the columns of its table, and what its models were measured on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.tasks._supervised import bench_words
from runner.tasks._supervised.bench_words import LEGEND, PAGE_LEGEND, held_out, sections
from runner.tasks.token_labels import TASK

__all__ = ["HEADER", "LEGEND", "METRIC", "PAGE_LEGEND", "cells", "held_out", "sections"]

#: What is drawn over one axis.
METRIC = TASK.headline.metric
#: The measures that have columns beside it.
OWN = TASK.measures[1:4]
HEADER = bench_words.header(TASK.headline, OWN)


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """One row of the table; what failed has its first line of explanation elsewhere."""
    return bench_words.cells(row, TASK.headline, OWN)
