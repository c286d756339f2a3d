"""How a comparison of length models reads: the columns of its table, and what its models were measured on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.pages.html import Markup
from runner.pages.numbers import number
from runner.tasks.ranking.comparing_words import LEGEND, PAGE_LEGEND, held_out, row_cells

__all__ = ["HEADER", "LEGEND", "METRIC", "PAGE_LEGEND", "cells", "held_out", "sections"]

HEADER = ("model", "rel. acc.", "95 % interval", "vs best", "MAE tokens", "ratio", "fit", "ms/1k pairs", "size")
#: What is drawn over one axis.
METRIC = "relative_accuracy"


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """One row of the table; what failed has its first line of explanation elsewhere."""
    return row_cells(row, METRIC, (number(row.get("mae_tokens"), 1), number(row.get("mean_ratio"), 2)))


def sections(found: Mapping[str, Any]) -> list[tuple[str, Markup]]:
    """What the page shows below the table: nothing more."""
    return []
