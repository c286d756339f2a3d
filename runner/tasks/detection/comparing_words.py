"""How a comparison of detectors reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.contract.quantities import counted
from runner.pages.numbers import clean
from runner.tasks._supervised import bench_words
from runner.tasks._supervised.bench_words import LEGEND, PAGE_LEGEND, sections
from runner.tasks.detection import TASK

__all__ = ["HEADER", "LEGEND", "METRIC", "PAGE_LEGEND", "cells", "held_out", "sections"]

METRIC = TASK.headline.metric
OWN = tuple(measure for measure in TASK.measures if measure.metric in ("map_50", "map_75", "mar_100"))
HEADER = bench_words.header(TASK.headline, OWN)


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """One row of the table; what failed has its first line of explanation elsewhere."""
    return bench_words.cells(row, TASK.headline, OWN)


def held_out(found: Mapping[str, Any]) -> list[str]:
    """What the models were measured on, in sentences."""
    facts = found["held_out"]
    pictures = counted(facts["pictures"], "held-out pictures")
    said = [f"measured on the same {pictures} with {facts['boxes']:,} boxes, none of which any model was trained on"]
    odd = [row for row in found["table"] if row.get("warnings")]
    return said + [f"{clean(row['label'])}: {clean(warning)}" for row in odd for warning in row["warnings"]]
