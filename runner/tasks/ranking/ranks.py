"""The LLMs' places in every model's leaderboard, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def side_by_side(boards: Mapping[str, Sequence[Mapping[str, Any]]], models: Sequence[str]) -> dict[str, Any] | None:
    """Each LLM's rank among ``models`` by every method whose leaderboard has them all; None where none has.

    ``boards`` are the stored leaderboards by method: rows of ``model``, ``score`` and its interval (``low``, ``high``).
    ``best`` and ``worst`` are the ranks that the intervals leave open: an LLM is surely behind another only where its
    interval lies wholly below the other's. The LLMs come in the order of their mean rank.
    """
    ranks = {}
    for method, board in boards.items():
        rows = {row["model"]: row for row in board if row.get("score") is not None}
        if models and set(models) <= rows.keys():
            ranks[method] = _ranks([rows[name] for name in models])
    if not ranks:
        return None
    mean = {name: sum(method[name]["rank"] for method in ranks.values()) / len(ranks) for name in models}
    ordered = sorted(models, key=lambda name: (mean[name], name))
    rows_ = [{"model": name, "ranks": {method: table[name] for method, table in ranks.items()}} for name in ordered]
    return {"methods": list(ranks), "rows": rows_}


def _ranks(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    low = [_bound(row, "low") for row in rows]
    high = [_bound(row, "high") for row in rows]
    found = {}
    for at, row in enumerate(rows):
        others = [other for other in range(len(rows)) if other != at]
        found[row["model"]] = {
            "rank": 1 + sum(rows[other]["score"] > row["score"] for other in others),
            "best": 1 + sum(low[other] > high[at] for other in others),
            "worst": len(rows) - sum(high[other] < low[at] for other in others),
            "score": row["score"],
        }
    return found


def _bound(row: Mapping[str, Any], name: str) -> float:
    return float(row["score"] if row.get(name) is None else row[name])
