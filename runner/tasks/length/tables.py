"""What a length model's run recorded, as tables, and the cards of its page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from runner.contract import Measure, Table
from runner.pages.cards import Card
from runner.pages.numbers import finite
from runner.tasks.length import TASK
from runner.tasks.ranking.tables import beside, objects

RELATIVE, ERROR, _ = TASK.measures
CARDS = (
    Card(RELATIVE, beside="without the prompt"),
    Card(replace(ERROR, label="Mean error in tokens", interval=True), beside="without the prompt"),
    Card(Measure("total_ratio", "Predicted of all tokens", "ratio"), note="for a total, divide by it"),
)


def read_tables(recorded: Mapping[str, Any]) -> list[Table]:
    """The tables that a run of this task recorded as lists of objects, in a page's order; those without rows left out.

    The cells are what the file has: what is no number there is none here.
    """
    found = [beside(recorded), lengths(recorded), length_calibration(recorded)]
    return [table for table in found if table.rows]


def lengths(recorded: Mapping[str, Any]) -> Table:
    """How long each LLM's responses are, and how long they were predicted to be. Tokens."""
    rows = []
    for row in objects(recorded, "lengths"):
        actual, predicted = finite(row.get("mean_actual")), finite(row.get("mean_predicted"))
        ends = sorted((actual, predicted)) if actual is not None and predicted is not None else (None, None)
        figures = (row.get(name) for name in ("mean_actual", "responses", "mae_tokens", "relative_accuracy"))
        rows.append((row.get("model"), row.get("mean_predicted"), *ends, *figures))
    return Table(
        name="lengths",
        title="Lengths by LLM",
        columns=("LLM", "predicted", "from", "to", "actual", "responses", "error", "rel. accuracy"),
        rows=rows,
        plot="bars",
        note="Held-out responses in tokens, means of each LLM. The dot is the prediction, the bar reaches to what it "
        "was. The error is the mean of |predicted - actual|.",
        decimals={"predicted": 1, "actual": 1, "error": 1, "rel. accuracy": 3},
    )


def length_calibration(recorded: Mapping[str, Any]) -> Table:
    """Predicted and actual lengths by tenth of the predictions. Tokens."""
    names = ("predicted", "actual", "actual_low", "actual_high", "count")
    rows = [[finite(row.get(name)) for name in names] for row in objects(recorded, "length_calibration")]
    return Table(
        name="length_calibration",
        title="Predicted and actual lengths",
        columns=("predicted", "actual", "middle half low", "middle half high", "responses"),
        rows=[(*row[:4], int(row[4])) for row in rows if None not in row and row[4]],
        plot="scatter",
        note="Responses in groups of equal size by predicted length: the median prediction and the median length in "
        "tokens; on the dashed line the two are equal. Whiskers: the middle half of the lengths.",
        decimals={"predicted": 1, "actual": 1, "middle half low": 1},
    )
