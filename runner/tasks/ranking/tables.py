"""What a router's run recorded, as tables, and the cards of its page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.contract import Table
from runner.pages.cards import Card
from runner.pages.numbers import finite
from runner.tasks import against_baselines
from runner.tasks.ranking import TASK, recorded_verdict

ACCURACY, LOG_LOSS, CALIBRATION = TASK.measures
#: Above baselines that read the prompt too, and above those that do not.
BESIDE, BESIDE_AGNOSTIC = "Beside baselines", "Beside prompt-agnostic models"
CARDS = (
    Card(ACCURACY, beside="best baseline"),
    Card(LOG_LOSS, note="of P(A is preferred); 0.693 is guessing"),
    Card(CALIBRATION, note="expected; 0 is perfect"),
)


def read_tables(recorded: Mapping[str, Any]) -> list[Table]:
    """The tables that a run of this task recorded as lists of objects, in a page's order; those without rows left out.

    The cells are what the file has: what is no number there is none here.
    """
    found = [
        beside(recorded, BESIDE if against_baselines.NAME in recorded else BESIDE_AGNOSTIC),
        leaderboard(recorded),
        calibration(recorded),
    ]
    return [table for table in found if table.rows]


def sentences(recorded: Mapping[str, Any]) -> list[str]:
    """What the run's choices are worth beside other ways to choose."""
    return recorded_verdict.sentences(recorded)


def ending(recorded: Mapping[str, Any]) -> list[str]:
    """The same as it ends a training: with the policies above it."""
    return recorded_verdict.lines(recorded)


def beside(recorded: Mapping[str, Any], title: str = BESIDE_AGNOSTIC) -> Table:
    """The baselines: ``model``, then every metric that any of them has."""
    rows = objects(recorded, "baselines")
    metrics = list(dict.fromkeys(name for row in rows for name in row if name != "model_type"))
    return Table(
        name="baselines",
        title=title,
        columns=("model", *metrics),
        rows=[(row.get("model_type"), *(row.get(name) for name in metrics)) for row in rows],
    )


def leaderboard(recorded: Mapping[str, Any]) -> Table:
    """The LLMs by score with their intervals, the best first."""
    rows = sorted(objects(recorded, "leaderboard"), key=lambda row: -_known(row.get("score")))
    names = ("model", "score", "low", "high", "comparisons", "wins", "losses", "ties")
    scrolls = "; the list scrolls" if len(rows) > 20 else ""
    return Table(
        name="leaderboard",
        title="Leaderboard",
        columns=("#", "LLM", *names[1:]),
        rows=[(place, *(row.get(name) for name in names)) for place, row in enumerate(rows, 1)],
        plot="bars",
        note=f"{len(rows)} LLMs{scrolls}. The bar is the 95 % bootstrap interval of the score.",
    )


def calibration(recorded: Mapping[str, Any]) -> Table:
    """How far predicted chances came true, by bin; empty bins are left out."""
    names = ("low", "high", "predicted", "observed", "count")
    rows = [[finite(row.get(name)) for name in names] for row in objects(recorded, "calibration")]
    return Table(
        name="calibration",
        title="Calibration",
        columns=("bin low", "bin high", "predicted", "observed", "count"),
        rows=[(*row[:4], int(row[4])) for row in rows if None not in row and row[4]],
        plot="calibration",
        note="The chance that A is preferred, and how often it was; on the dashed line the two are equal. Whiskers: "
        "95 % Wilson interval of the observed share; bars: comparisons in the bin.",
        decimals={"bin low": 2, "predicted": 3, "observed": 3},
    )


def objects(recorded: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The rows of a table that is recorded as a list of objects; none where it is missing or is no list."""
    table = recorded.get(name)
    return [row for row in table if isinstance(row, Mapping)] if isinstance(table, list) else []


def _known(value: object) -> float:
    known = finite(value)
    return known if known is not None else float("-inf")
