"""The sections of a comparison's page: each takes a part of the document and gives HTML, empty for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.contract import Task
from runner.evaluation import compare_tables
from runner.pages import plots
from runner.pages.harmless_text import clean
from runner.pages.html import Markup, join, table, tag, tree
from runner.pages.numbers import finite, signed_interval
from runner.pages.table_page import domain_of


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


def results(task: Task, found: Mapping[str, Any], document: Mapping[str, Any]) -> Markup:
    """The table of one task, with the intervals drawn over one axis."""
    words = task.room("comparing_words")
    rows = found["table"]
    said = [tag("p", join([sentence[0].upper() + sentence[1:], "."]), "soft") for sentence in words.held_out(found)]
    if not rows:
        return join(said)
    name = words.METRIC
    domain = domain_of([row.get(f"{name}{end}") for row in rows for end in ("", "_low", "_high")])
    body = []
    for row in rows:
        shown = words.cells(row)
        low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
        plot = plots.interval(
            finite(row.get(name)), finite(low), finite(high), domain,
            f"{clean(row['label'])}: {shown[1]}, {shown[2]}", "two" if row.get("reads_prompts") else "one",
        )  # fmt: skip
        body.append((_name(row), shown[1], Markup(plot), shown[2], _gap(row), *shown[4:]))
    for row in compare_tables.not_measured(task.name, document):
        shown = words.cells(row)
        body.append((_name(row), shown[1], "", *shown[2:]))
    header_ = list(words.HEADER)
    header_[3] = "less the best"
    header_.insert(2, Markup(plots.axis(domain)))
    best = next((at for at, row in enumerate(rows) if row.get("best")), None)
    classes = ("who", "n", "plotted", *["n"] * (len(header_) - 3))
    return join([*said, table(header_, body, classes, best), tag("p", words.PAGE_LEGEND, "soft")])


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
        for name, labels in (found["held_out"].get("left_out_models") or {}).items()
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
    between = tag("small", signed_interval(versus["low"], versus["high"]), "under")
    return tag("span", join([f"{versus['value']:+z.3f}", between]), "tied" if row["tied_with_best"] else "")
