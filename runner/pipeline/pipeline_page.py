"""A pipeline's page: its steps with what each came to, rows as they pass through, and links to the runs' own pages."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.contract import Table
from runner.pages.cards import card
from runner.pages.html import Markup, block, join, table, tag
from runner.pages.numbers import duration, number
from runner.pages.page import whole_page
from runner.pages.table_page import as_html
from runner.store.files import write_atomic

if TYPE_CHECKING:
    from runner.pipeline.loaded_pipeline import LoadedPipeline
    from runner.pipeline.running import DoneStep, Ended

NAME = "pipeline.html"
BADGES = {"done": ("good", "✓"), "done before": ("good", "✓"), "failed": ("bad", "✗"), "not started": ("", "…")}


def write_page(loaded: LoadedPipeline, ended: Ended, folder: Path) -> Path:
    """Write ``pipeline.html`` into the pipeline's folder, atomically. Raises :class:`EnvironmentProblem`."""
    path = folder / NAME
    write_atomic(path, page(loaded, ended, folder).encode("utf-8", errors="replace"))
    return path


def page(loaded: LoadedPipeline, ended: Ended, folder: Path) -> str:
    """The whole page. Links count from ``folder``."""
    title = f"Pipeline {loaded.name}"
    head = [tag("header", join([tag("h1", title), *([tag("p", loaded.description)] if loaded.description else [])]))]
    if cards := list(_cards(ended.steps)):
        head.append(tag("div", join(cards), "cards"))
    sections: list[tuple[str, Markup]] = [
        ("Steps", _steps(ended.steps, folder)),
        ("What ended it", _failure(ended)),
        ("Rows", _rows(ended.steps)),
    ]
    sections += [(f"Figures of {step.name}", _figures(step)) for step in ended.steps if step.record is not None]
    sections.append(("Document", as_written(loaded.document.value)))
    return whole_page(title, head, sections, time.strftime("%Y-%m-%d %H:%M:%S"))


def as_written(document: Any) -> Markup:
    """A document as its text."""
    return tag("pre", block(json.dumps(document, indent=2, ensure_ascii=False)))


def _cards(steps: Sequence[DoneStep]) -> Iterator[Markup]:
    for step in steps:
        figure = step.record.facts.get("headline") if step.record is not None else None
        if figure:
            yield card(f"{step.name}: {figure['column']}", number(figure["value"]), *_interval(step, figure))


def _interval(step: DoneStep, figure: dict[str, Any]) -> list[str]:
    assert step.record is not None
    metrics = step.record.facts.get("metrics", {})
    low, high = (metrics.get(f"{figure['metric']}_{end}") for end in ("low", "high"))
    return [f"95 % interval {number(low)} to {number(high)}"] if low is not None and high is not None else []


def _steps(steps: Sequence[DoneStep], folder: Path) -> Markup:
    rows = []
    for step in steps:
        css, sign = BADGES[step.state]
        record = step.record
        links = []
        if record is not None:
            links.append(_link("folder", step.folder, folder))
            if record.page:
                words = "run" if step.verb == "train" else "page"
                links.append(_link(words, step.folder / record.page, folder))
        rows.append(
            (
                step.name,
                step.verb,
                tag("span", f"{sign} {step.state}", f"badge {css}".strip()),
                record.summary if record is not None else "",
                duration(record.seconds) if record is not None else "",
                join(links, " "),
            )
        )
    return table(("step", "verb", "state", "what it came to", "took", ""), rows)


def _link(words: str, place: Path, folder: Path) -> Markup:
    return tag("a", words, href=os.path.relpath(place, folder))


def _failure(ended: Ended) -> Markup:
    error = ended.error
    if error is None:
        return Markup("")
    parts = [tag("p", str(error))]
    if error.hint:
        parts += [tag("p", line.strip(), "soft") for line in error.hint.splitlines()]
    return join(parts)


def _rows(steps: Sequence[DoneStep]) -> Markup:
    """Rows into each data step and out of it, and why some were left out."""
    rows = []
    for step in steps:
        facts = step.record.facts if step.record is not None else {}
        if "rows_read" in facts:
            out = ", ".join(f"{part} {own['rows']:,}" for part, own in step.record.parts.items()) if step.record else ""
            why = ", ".join(f"{reason} {count:,}" for reason, count in facts["dropped"].items()).replace("_", " ")
            rows.append((step.name, facts["rows_read"], facts["rows_written"], out, why))
    if not rows:
        return Markup("")
    return as_html(Table("rows", "Rows", ("step", "read", "written", "files", "left out"), rows))


def _figures(step: DoneStep) -> Markup:
    """An evaluation's figures with their intervals, or a training's metrics."""
    assert step.record is not None
    facts = step.record.facts
    if results := facts.get("results"):
        columns = ("task", "model", "metric", "value", "low", "high", "n")
        rows = [tuple(row.get(column) for column in columns) for row in results]
        return as_html(Table("figures", "Figures", columns, rows))
    if metrics := facts.get("metrics"):
        shown = [(name, value) for name, value in metrics.items() if isinstance(value, (int, float))]
        return as_html(Table("metrics", "Metrics", ("metric", "value"), shown))
    return Markup("")
