"""The baselines that the models of a comparison were measured beside when they were trained, on the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner.contract import Table
from runner.pages.harmless_text import clean
from runner.pages.numbers import finite, interval, number
from runner.tasks.ranking import TASK
from runner.tasks.ranking.tables import objects

ACCURACY = TASK.headline


def recorded_baselines(trained: Mapping[str, Mapping[str, Any]], held_out: int) -> dict[str, Any] | None:
    """The baselines beside those models that were measured on all ``held_out`` comparisons, by label; None without.

    ``trained`` has the ``metrics`` and the ``tables`` of each model's training, by label.

    ``rows`` are the baselines, each as it was the most accurate (prompts may have been embedded differently), the best
    first; ``not_surely_better`` are the models whose paired difference to the best of their baselines holds 0 or less.
    """
    rows: dict[str, dict[str, Any]] = {}
    doubtful = []
    for label, told in trained.items():
        tables = told.get("tables") or {}
        against = Table.read(tables.get("against_best"))
        if against is None or (told.get("metrics") or {}).get("n_validation") != held_out:
            continue
        for row in objects(tables, "baselines"):
            name, value = str(row.get("model_type")), finite(row.get(ACCURACY.metric))
            if value is not None and (name not in rows or value > rows[name][ACCURACY.metric]):
                rows[name] = dict(row)
        if not (against.rows and against.rows[0][-1]):
            doubtful.append(label)
    if not rows:
        return None
    ranked = sorted(rows.values(), key=lambda row: (-row[ACCURACY.metric], row["model_type"]))
    return {"rows": ranked, "not_surely_better": doubtful}


def sentences(found: Mapping[str, Any] | None) -> Sequence[str]:
    """How that reads: one sentence for the baselines, and one for the models that do not beat them."""
    if not found:
        return []
    places = ACCURACY.decimals
    told = [
        f"{clean(row['model_type'])} {number(row[ACCURACY.metric], places)} "
        f"({interval(row.get(ACCURACY.low), row.get(ACCURACY.high), places)})"
        for row in found["rows"]
    ]
    said = [f"baselines on the same comparisons: {', '.join(told)}"]
    if found["not_surely_better"]:
        names = ", ".join(clean(name) for name in found["not_surely_better"])
        said.append(f"NOT surely better than the best baseline (paired 95 % interval): {names}")
    return said
