"""What routers would have bought on a held-out outcome matrix, each prompt sent to the LLM that scores highest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from runner.data.comparisons import Comparisons
from runner.pages.harmless_text import clean
from runner.pages.numbers import number
from runner.statistics.paired_bootstrap import resample
from runner.tasks.compared import Compared
from runner.tasks.ranking.asking import Asked
from runner.tasks.ranking.held_out_outcomes import held_out_outcomes


def outcomes(
    entries: Sequence[Compared], asked: Sequence[Asked], rows: Comparisons, seed: int
) -> dict[str, Any] | None:
    """Mean score and real cost of each router's first choice, of each LLM alone, and of the best LLM on each prompt.

    Only prompts count that every LLM has a score for, so that all are measured on the same. None where the held-out
    data is no matrix, or no prompt is whole. A difference to the best LLM alone has a bootstrap interval over prompts.
    """
    if rows.outcomes is None:
        return None
    held = held_out_outcomes(rows, asked[0].models)
    whole = np.flatnonzero(~np.isnan(held.quality).any(axis=1))
    if not len(whole):
        return None
    quality, cost = held.quality[whole], held.cost[whole]
    single = _best(quality, cost)
    choices = [answer.table[:, whole].argmax(axis=0) for answer in asked]
    columns = [quality[np.arange(len(whole)), chosen] for chosen in choices]
    redrawn = resample(np.stack([*columns, quality[:, single]], axis=1), held.prompt[whole], seed)
    routers = [
        {
            "label": entry.label,
            "quality": float(redrawn.mean[at]),
            "cost": _mean(cost[np.arange(len(whole)), choices[at]]),
            "versus_single": redrawn.difference(at, len(columns)).as_dict(),
        }
        for at, entry in enumerate(entries)
    ]
    return {
        "prompts": len(whole),
        "left_out": len(held.prompt) - len(whole),
        "routers": sorted(routers, key=lambda row: -row["quality"]),
        "llms": [
            {"model": name, "quality": float(quality[:, at].mean()), "cost": _mean(cost[:, at])}
            for at, name in enumerate(held.models)
        ],
        "best_single": held.models[single],
        "oracle": {"quality": float(quality.max(axis=1).mean()), "cost": _mean(_oracle_cost(quality, cost))},
    }


def sentences(found: Mapping[str, Any] | None) -> list[str]:
    """The same in words, for a terminal and a page."""
    if not found:
        return []
    single = next(row for row in found["llms"] if row["model"] == found["best_single"])
    told = [f"{clean(row['label'])} {_told(row)} ({row['versus_single']['value']:+z.3f})" for row in found["routers"]]
    return [
        f"scores of the LLM that each router puts first, over {found['prompts']:,} prompts: {'; '.join(told)}; in "
        f"brackets what is gained on the best LLM alone, {clean(single['model'])} {_told(single)}; the best LLM on "
        f"each prompt {_told(found['oracle'])}"
    ]


def _told(row: Mapping[str, Any]) -> str:
    cost = "" if row["cost"] is None else f" at a mean cost of {row['cost']:.6g}"
    return number(row["quality"], 3) + cost


def _best(quality: np.ndarray, cost: np.ndarray) -> int:
    """The LLM with the greatest mean score; of equals the cheapest."""
    means = quality.mean(axis=0)
    price = np.array([mean if (mean := _mean(column)) is not None else 0.0 for column in cost.T])
    return int(np.where(means >= means.max() - 1e-12, price, np.inf).argmin())


def _oracle_cost(quality: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Of each prompt the cheapest of its best answers; NaN where no cost is known."""
    best = np.where(quality >= quality.max(axis=1, keepdims=True), cost, np.nan)
    known = ~np.isnan(best).all(axis=1)
    found = np.full(len(best), np.nan)
    found[known] = np.nanmin(best[known], axis=1)
    return found


def _mean(values: np.ndarray) -> float | None:
    """The mean of what is known, None where nothing is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None
