"""The sections of a comparison's page: each takes a part of the document and gives HTML, empty for nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from runner.evaluation import compare_tables
from runner.pages import plots
from runner.pages.html import Markup, join, table, tag, tree
from runner.pages.numbers import clean, finite, number

#: LLMs in the table of ranks.
MOST_RANKS = 60


def header(document: Mapping[str, Any]) -> Markup:
    """What was compared, and how it ended."""
    rows = document["models"]
    failed = sum(row["state"] == "failed" for row in rows)
    missing = sum(row["state"] == "not trained" for row in rows)
    badges = [("bad", f"✗ {failed} failed")] if failed else []
    badges += [("care", "‖ interrupted")] if document["interrupted"] else []
    section = document["data"]["section"]
    facts = [
        ("data", section.get("dataset")),
        ("held out", section.get("validation_split")),
        ("rows used at most", section.get("max_samples") or "all"),
        ("seed", section.get("seed")),
        ("scored on", document["device"]),
        ("code", str(document["code"])[:12]),
    ]
    if missing:
        facts.append(("not trained", missing))
    listed = tag("dl", join(tag("div", join([tag("dt", name), tag("dd", value)])) for name, value in facts), "facts")
    heading = tag("h1", f"Comparison of {len(rows)} models")
    marks = [tag("span", said, f"badge {css}") for css, said in badges or [("good", "✓ all measured")]]
    return tag("header", join([heading, join(marks, " "), listed]))


def results(task: str, found: Mapping[str, Any], document: Mapping[str, Any]) -> Markup:
    """The table of one task, with the intervals drawn over one axis."""
    rows = found["table"]
    said = [
        tag("p", join([sentence[0].upper() + sentence[1:], "."]), "soft")
        for sentence in compare_tables.held_out(task, document)
    ]
    if not rows:
        return join(said)
    name = "accuracy" if task == "ranking" else "relative_accuracy"
    domain = _domain([row.get(f"{name}{end}") for row in rows for end in ("", "_low", "_high")])
    body = []
    for row in rows:
        shown = compare_tables.cells(task, row)
        low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
        plot = plots.interval(
            finite(row.get(name)), finite(low), finite(high), domain,
            f"{clean(row['label'])}: {shown[1]}, {shown[2]}", "two" if row.get("reads_prompts") else "one",
        )  # fmt: skip
        body.append((_name(row), shown[1], Markup(plot), shown[2], _gap(row), *shown[4:]))
    for row in compare_tables.not_measured(task, document):
        body.append((_name(row), *compare_tables.cells(task, row)[1:2], "", *compare_tables.cells(task, row)[2:]))
    header_ = list(compare_tables.HEADERS[task])
    header_[3] = "less the best"
    header_.insert(2, Markup(plots.axis(domain)))
    best = next((at for at, row in enumerate(rows) if row.get("best")), None)
    classes = ("who", "n", "plotted", *["n"] * 7)
    legend = tag(
        "p",
        "Blue: what it says of an LLM is the same for every prompt; orange: it reads the prompt. Grey differences may "
        "as well be none: the 95 % interval of the paired difference, drawn over prompts, holds 0. Fit: from the data "
        "being there to the model being measured; ms/1k pairs: scoring a thousand (prompt, LLM) pairs, every prompt "
        "read anew.",
        "soft",
    )
    return join([*said, table(header_, body, classes, best), legend])


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
    domain = _domain([gain[end] for gain in gains for end in ("value", "low", "high")] + [0.0])
    body = []
    for row, gain in zip(found["rows"], gains, strict=True):
        title = f"{gain['value']:+.3f}, {gain['low']:+.3f} to {gain['high']:+.3f}"
        sure = not gain["low"] <= 0 <= gain["high"]
        plot = plots.interval(gain["value"], gain["low"], gain["high"], domain, title, "two" if sure else "one")
        body.append(
            (
                row["group"],
                number(row["comparisons"]),
                number(row["prompt_agnostic"], 3),
                number(row["prompt_aware"][name]["accuracy"], 3),
                Markup(plot),
                tag("span", f"{gain['value']:+.3f}", "" if sure else "tied"),
                tag("span", f"{gain['low']:+.3f} to {gain['high']:+.3f}", "" if sure else "tied"),
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
    made = table(head, body, ("who", *["n"] * len(methods)))
    return join([intro, Markup(made.replace("<table>", '<table class="ranks">', 1))])


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


def lost(document: Mapping[str, Any]) -> Markup:
    """What failed, or was not begun, and why; what may be wrong with what was measured."""
    rows = [
        (row["label"], compare_tables.reason(row), (row.get("error") or {}).get("hint") or "")
        for row in document["models"]
    ]
    body = [row for row in rows if row[1]]
    parts = [table(("model", "why", "way out"), body, ("who",))] if body else []
    doubts = [(row["label"], warning) for row in document["models"] for warning in row.get("warnings", ())]
    if doubts:
        parts += [tag("h3", "In doubt"), table(("model", "why"), doubts, ("who",))]
    return join(parts)


def data(document: Mapping[str, Any]) -> Markup:
    """The data section that all specs had, and what it gave before any model's filter."""
    facts = dict(document["data"]["record"])
    left = {
        name: ", ".join(labels)
        for found in document["tasks"].values()
        for name, labels in found["held_out"]["left_out_models"].items()
    }
    parts = [tree(facts, counts=True)]
    if left:
        body = list(left.items())
        parts += [tag("h3", "LLMs that not all models know"), table(("LLM", "unknown to"), body, ("who",))]
    return join(parts)


def _name(row: Mapping[str, Any]) -> Markup:
    """The model's name, and in small what type it is and where it came from."""
    kind, _, name = row["label"].partition("/")
    small = f"{kind}, from the store" if row["state"] == "reused" else kind
    return join([name, tag("small", small, "under")])


def _gap(row: Mapping[str, Any]) -> Markup | str:
    if row.get("best"):
        return "best"
    versus = row.get("versus_best")
    if not versus:
        return "-"
    between = tag("small", f"{versus['low']:+.3f} to {versus['high']:+.3f}", "under")
    return tag("span", join([f"{versus['value']:+.3f}", between]), "tied" if row["tied_with_best"] else "")


def _domain(values: Sequence[Any]) -> tuple[float, float]:
    known = [value for each in values if (value := finite(each)) is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    air = (high - low) * 0.05 or 0.05
    return low - air, high + air
