"""How a comparison of models that find answers in texts reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.contract.quantities import counted
from runner.pages.numbers import clean
from runner.tasks._supervised import bench_words
from runner.tasks._supervised.bench_words import sections
from runner.tasks.spans import TASK

__all__ = ["HEADER", "LEGEND", "METRIC", "PAGE_LEGEND", "cells", "held_out", "sections"]

#: What is drawn over one axis.
METRIC = TASK.headline.metric
#: The measures that have columns beside it.
OWN = tuple(measure for measure in TASK.measures if measure.metric in ("exact_match", "no_answer_accuracy"))
HEADER = bench_words.header(TASK.headline, OWN)
LEGEND = (
    "~ not distinguishable from the best: the 95 % interval of the paired difference, drawn over contexts, holds 0",
    "ms/1k rows: answering a thousand questions",
)
PAGE_LEGEND = (
    "Grey differences may as well be none: the 95 % interval of the paired difference, drawn over contexts, holds 0. "
    "Fit: from the data being there to the model being measured."
)


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """One row of the table; what failed has its first line of explanation elsewhere."""
    return bench_words.cells(row, TASK.headline, OWN)


def held_out(found: Mapping[str, Any]) -> list[str]:
    """What the models were measured on, in sentences."""
    facts = found["held_out"]
    none = f", {facts['unanswerable']:,} of them without an answer" if facts["unanswerable"] else ""
    said = [
        f"measured on the same {counted(facts['rows'], 'held-out questions')} on {counted(facts['groups'], 'contexts')}"
        f"{none}; no model was trained on any"
    ]
    odd = [row for row in found["table"] if row.get("warnings")]
    return said + [f"{clean(row['label'])}: {clean(warning)}" for row in odd for warning in row["warnings"]]
