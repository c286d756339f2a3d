"""The page of a routing: what it costs and what it is worth, against every LLM alone, and what it would have bought."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from runner.contract import Table
from runner.inference.routing.routing import Routed
from runner.pages.axes import below, nice_ticks, tick_labels
from runner.pages.html import Markup, join, pairs, table, tag, text
from runner.pages.page import whole_page
from runner.pages.table_page import as_html
from runner.store.files import write_atomic
from runner.tasks.ranking.llm_choice import curve
from runner.tasks.ranking.recorded_verdict import sentences

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 320, 64, 150, 16, 44


def write_page(path: Path, routed: Routed, held: dict[str, Any] | None) -> None:
    """Write the page, atomically. ``held`` has ``points`` and ``gap_recovered`` where held-out data was looked at."""
    summary = routed.summary()
    sections = [("Cost and quality", _expected(routed, summary)), ("Where the prompts go", _shares(summary))]
    if held is not None:
        sections.append(("On held-out comparisons", _held(held)))
        sections += _verdict(held)
    sections.append(("Rule", pairs(_rule(routed, summary))))
    head = tag(
        "header",
        join([tag("p", f"routing with {routed.provenance['model']}", "kind"), tag("h1", "Cost and quality")]),
    )
    written = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    page = whole_page("Cost and quality", [head], sections, written)
    write_atomic(path, page.encode("utf-8", errors="replace"))


def _expected(routed: Routed, summary: dict[str, Any]) -> Markup:
    points = curve(routed.quality, routed.cost)
    alone = [
        (name, row["mean_expected_cost_alone"], row["mean_quality_alone"]) for name, row in summary["models"].items()
    ]
    chosen = (summary["mean_expected_cost"], summary["mean_quality"])
    drawn = _plot(
        [(cost, quality) for _, cost, quality in points],
        alone,
        chosen,
        "mean expected cost of a prompt",
        "chance of the better answer",
    )
    words = (
        "The line is every choice that this router can make, from the cheapest to the best; the dots are single LLMs "
        "for all prompts; the ring is this routing. Quality is the router's own estimate: the chance that the chosen "
        "answer beats another candidate's."
    )
    return join([tag("p", words), drawn])


def _shares(summary: dict[str, Any]) -> Markup:
    rows = [
        (
            name,
            f"{row['share']:.1%}",
            f"{row['mean_expected_cost_alone']:.6g}",
            f"{row['mean_quality_alone']:.3f}",
        )
        for name, row in sorted(summary["models"].items(), key=lambda item: -item[1]["share"])
    ]
    rows.append(("this routing", "100.0%", f"{summary['mean_expected_cost']:.6g}", f"{summary['mean_quality']:.3f}"))
    return table(
        ("LLM", "share of prompts", "mean cost, all prompts", "mean quality, all prompts"),
        rows,
        ("", "n", "n", "n"),
        own=len(rows) - 1,
    )


def _held(held: dict[str, Any]) -> Markup:
    points, measure = held["points"], held.get("measure", "better")
    drawn = _plot(
        [(point["mean_cost"], point[measure]) for point in points],
        [
            ("cheaper", points[0]["mean_cost"], points[0][measure]),
            ("dearer", points[-1]["mean_cost"], points[-1][measure]),
        ],
        None,
        "mean cost of the called LLM",
        "how often its answer was better" if measure == "better" else "mean score of its answer",
        [(point["mean_cost"], point["low"], point["high"]) for point in points if "low" in point],
        chance=True,
    )
    gap, best = held["gap_recovered"], max(points, key=lambda point: point[measure])
    at_best = f"At its best the called LLM was better in {best[measure]:.1%}"
    if measure != "better":
        at_best = f"At its best the called LLM's answers score {best[measure]:.3f} on average"
    told = f"{at_best}, at a mean cost of {best['mean_cost']:.6g}. "
    told += (
        f"Gap recovered, by comparisons: {gap:.3f}, where a random choice has 0.5; above 1 it is better than always "
        "calling the dearer. The verdict's APGR counts prompts."
        if gap is not None
        else "The dearer LLM is not better on these comparisons, so there is no gap to recover."
    )
    words = (
        f"{held['comparisons']:,} comparisons that the router's training held out, each between two candidates. The "
        "router calls one of the two: the dearer where its chance of winning reaches a threshold, which goes from "
        "never to always. The dashed line is a random choice between the two; the band is a 95 % bootstrap over "
        "prompts. "
    )
    words += "A tie counts one half." if measure == "better" else f"Costs are {held['costs']}."
    return join([tag("p", words), drawn, tag("p", told)])


def _verdict(held: dict[str, Any]) -> list[tuple[str, Markup]]:
    """The policies, and what is gained on each; the sentences above them."""
    told = held.get("tables", {})
    tables = [found for document in told.values() if (found := Table.read(document)) is not None]
    said = join(tag("p", each) for each in sentences(told))
    return [
        (each.title, join([said if at == 0 else Markup(), as_html(replace(each, note="") if at == 1 else each)]))
        for at, each in enumerate(tables)
    ]


def _rule(routed: Routed, summary: dict[str, Any]) -> list[tuple[object, object]]:
    told = [(name.replace("_", " "), str(value)) for name, value in routed.provenance["rule"].items()]
    for name in ("rate", "threshold"):
        if summary[name] is not None:
            told.append((f"{name} used", f"{summary[name]:.6g}"))
    return [*(told or [("rule", "the best, whatever it costs")]), ("prompts", f"{summary['prompts']:,}")]


def _plot(
    line: list[tuple[float, float]],
    dots: list[tuple[str, float, float]],
    ring: tuple[float, float] | None,
    x_label: str,
    y_label: str,
    band: list[tuple[float, float, float]] | None = None,
    chance: bool = False,
) -> Markup:
    """An SVG of quality over cost: a line, named dots, a ring, and perhaps a band around the line."""
    xs = [x for x, _ in line] + [x for _, x, _ in dots]
    ys = [y for _, y in line] + [y for _, _, y in dots] + [edge for _, low, high in band or [] for edge in (low, high)]
    across, up = nice_ticks(min(xs), max(xs)), nice_ticks(min(ys), max(ys))

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            LEFT + (x - across[0]) / (across[-1] - across[0]) * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - (y - up[0]) / (up[-1] - up[0]) * (HEIGHT - TOP - BOTTOM),
        )

    def path(points: list[tuple[float, float]]) -> str:
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in points))

    columns = [place(float(tick), float(up[0]))[0] for tick in across]
    parts = [f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>' for x in columns]
    parts += below(columns, tick_labels(np.asarray(across)), HEIGHT - BOTTOM + 16, WIDTH)
    for tick, label in zip(up, tick_labels(np.asarray(up)), strict=True):
        _, y = place(float(across[0]), float(tick))
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick end" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    if band:
        edge = [(x, high) for x, _, high in band] + [(x, low) for x, low, _ in reversed(band)]
        parts.append(f'<polygon points="{path(edge)}" fill="currentColor" opacity="0.12"/>')
    if chance:
        (x1, y1), (x2, y2) = place(*line[0]), place(*line[-1])
        parts.append(f'<line class="reference" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')
    parts.append(f'<polyline class="line one" fill="none" stroke="currentColor" points="{path(line)}"/>')
    for name, x, y in dots:
        px, py = place(x, y)
        parts.append(f'<circle class="mark two" cx="{px:.1f}" cy="{py:.1f}" r="4"><title>{text(name)}</title></circle>')
        parts.append(f'<text class="tick" x="{px + 7:.1f}" y="{py + 4:.1f}">{text(name)}</text>')
    if ring is not None:
        px, py = place(*ring)
        parts.append(
            f'<circle cx="{px:.1f}" cy="{py:.1f}" r="7" fill="none" stroke="currentColor" stroke-width="2">'
            "<title>this routing</title></circle>"
        )
    middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
    parts.append(f'<text class="label mid" x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{text(x_label)}</text>')
    parts.append(
        f'<text class="label" transform="translate(14 {(HEIGHT - BOTTOM + TOP) / 2}) rotate(-90)" '
        f'text-anchor="middle">{text(y_label)}</text>'
    )
    return Markup(
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"><title>{text(y_label)} over {text(x_label)}'
        f"</title>{''.join(parts)}</svg>"
    )
