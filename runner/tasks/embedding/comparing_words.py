"""How a comparison of models that compare texts reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.pages.numbers import number
from runner.tasks._supervised import bench_words
from runner.tasks._supervised.bench_words import PAGE_LEGEND, sections
from runner.tasks.embedding import TASK

__all__ = ["HEADER", "LEGEND", "METRIC", "PAGE_LEGEND", "cells", "held_out", "sections"]

METRIC = TASK.headline.metric
#: The measures that have columns beside it.
OWN = tuple(
    each for each in TASK.measures if each.metric in ("spearman", "triplet_accuracy", "mrr_at_10", "recall_at_10")
)
HEADER = bench_words.header(TASK.headline, OWN)
LEGEND = (
    bench_words.LEGEND[0],
    "agreement: Spearman's correlation of scores, AUC or accuracy of classes, accuracy of triplets, MRR of pairs",
)


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """One row of the table."""
    return bench_words.cells(row, TASK.headline, OWN)


def held_out(found: Mapping[str, Any]) -> list[str]:
    """What the models were measured on, and what words alone are worth there."""
    rows = TASK.held_out(found["held_out"]["rows"])
    said = [f"measured on the same {rows}, none of which any model was trained on"]
    alone = found.get("words_alone", {}).get(METRIC)
    return said if alone is None else [*said, f"by the words that texts share, without a model: {number(alone, 3)}"]
