"""What the page of a comparison shows of routers alone: groups of prompts, leaderboards, calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from runner.pages import plots
from runner.pages.harmless_text import clean
from runner.pages.html import Markup, join, table, tag
from runner.pages.numbers import finite, number, signed_interval
from runner.pages.table_page import domain_of

#: LLMs in the table of ranks.
MOST_RANKS = 60


def groups(found: Mapping[str, Any] | None) -> Markup:
    """The models that read the prompt less the best that does not, group by group."""
    if not found:
        return Markup()
    names = found["prompt_aware"]
    intro = tag(
        "p",
        join([
            "Accuracy of a model that reads the prompt, less that of ", tag("strong", found["prompt_agnostic"]),
            ", the most accurate of those that do not, with the 95 % interval of the paired difference. Right of 0, "
            f"reading the prompt pays; blue intervals hold 0. Groups: {clean(found['groups_are'])}.",
            f" {found['left_out']} groups are too small, or too many, to show." if found["left_out"] else "",
        ]),
        "soft",
    )  # fmt: skip
    parts = [intro, tag("h3", names[0]), _gains(found, names[0])]
    for name in names[1:]:
        parts.append(tag("details", join([tag("summary", name), _gains(found, name)])))
    return join(parts)


def _gains(found: Mapping[str, Any], name: str) -> Markup:
    gains = [row["prompt_aware"][name]["gain"] for row in found["rows"]]
    domain = domain_of([gain[end] for gain in gains for end in ("value", "low", "high")] + [0.0])
    body = []
    for row, gain in zip(found["rows"], gains, strict=True):
        low, high = finite(gain["low"]), finite(gain["high"])
        within = signed_interval(low, high)
        title = f"{gain['value']:+z.3f}, {within}"
        sure = low is not None and high is not None and not low <= 0 <= high
        plot = plots.interval(gain["value"], low, high, domain, title, "two" if sure else "one")
        body.append(
            (
                row["group"],
                number(row["comparisons"]),
                number(row["prompt_agnostic"], 3),
                number(row["prompt_aware"][name]["accuracy"], 3),
                Markup(plot),
                tag("span", f"{gain['value']:+z.3f}", "" if sure else "tied"),
                tag("span", within, "" if sure else "tied"),
            )
        )
    axis = Markup(plots.axis(domain))
    head = ("prompts of", "comparisons", "not reading", "reading", axis, "gain", "95 % interval")
    return table(head, body, ("who", "n", "n", "n", "plotted", "n", "n"), 0)


def leaderboards(found: Mapping[str, Any] | None) -> Markup:
    """Every LLM's rank by every method, with the ranks that the intervals leave open."""
    if not found:
        return Markup()
    methods = found["methods"]
    shown = found["rows"][:MOST_RANKS]
    body = []
    for row in shown:
        line: list[object] = [row["model"]]
        for method in methods:
            rank = row["ranks"][method]
            spread = "" if rank["best"] == rank["worst"] else f"{rank['best']}–{rank['worst']}"
            line.append(join([str(rank["rank"]), tag("small", spread)]))
        body.append(line)
    intro = tag(
        "p",
        "Each LLM's rank by each model's stored leaderboard, among the LLMs that all models know; the LLMs are in the "
        "order of their mean rank. Small: the ranks that the 95 % intervals of the scores leave open."
        + (f" The first {MOST_RANKS} of {len(found['rows'])}." if len(found["rows"]) > MOST_RANKS else ""),
        "soft",
    )
    names = [clean(method).partition("/")[2] for method in methods]
    head = ("LLM", *(names if len(set(names)) == len(names) else methods))
    return join([intro, table(head, body, ("who", *["n"] * len(methods)), css="ranks")])


def calibration(rows: Sequence[Mapping[str, Any]]) -> Markup:
    """One reliability diagram a model."""
    figures = []
    for row in rows:
        names = ("predicted", "low", "high", "observed", "count")
        bins = np.array([[entry[name] for name in names] for entry in row.get("calibration") or []], float)
        if not len(bins):
            continue
        predicted, low, high, observed, count = bins.T
        plot = plots.reliability(predicted, low, high, observed, count, f"Reliability diagram of {clean(row['label'])}")
        caption = tag("figcaption", f"expected calibration error {number(row['calibration_error'], 3)}")
        figures.append(tag("figure", join([tag("h3", row["label"]), Markup(plot), caption])))
    if not figures:
        return Markup()
    intro = tag(
        "p",
        "The chance that A is preferred, and how often it was; on the dashed line the two are equal. Whiskers: 95 % "
        "Wilson interval of the observed share; bars: comparisons in the bin. Chances come from differences of scores "
        "by a temperature: each half of the prompts is measured with the one that fits the other half.",
        "soft",
    )
    return join([intro, tag("div", join(figures), "plots small")])
