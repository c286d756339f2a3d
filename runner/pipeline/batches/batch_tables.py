"""A batch in tables and on a page: what each pipeline's model is judged by, with its interval, and its evaluation."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.contract import Table
from runner.pages.html import Markup, join, table, tag
from runner.pages.page import whole_page
from runner.pages.table_page import as_html
from runner.pipeline.pipeline_page import BADGES, as_written
from runner.pipeline.pipeline_page import NAME as PIPELINE_PAGE
from runner.store.files import write_atomic

if TYPE_CHECKING:
    from runner.pipeline.batches.batch_running import EndedBatch, EndedMember
    from runner.pipeline.batches.expanding import LoadedBatch

NAME = "batch.html"
APART = (
    "Models of different data sets are measured on different held-out rows: their figures say which was learned "
    "better, not which model is better."
)


def tables_of(members: Sequence[EndedMember]) -> list[Table]:
    """A table for each measure that models are judged by, the best first, and one for each evaluated task."""
    return [*_trained(members), *_evaluated(members)]


def _trained(members: Sequence[EndedMember]) -> Iterator[Table]:
    by_measure: dict[str, list[tuple[dict[str, Any], tuple[Any, ...]]]] = {}
    for member in members:
        step = member.step("train")
        figure = step.record.facts.get("headline") if step is not None and step.record is not None else None
        if step is None or step.record is None or figure is None:
            continue
        metrics, metric = step.record.facts["metrics"], figure["metric"]
        row = (*_who(member), figure["value"], metrics.get(f"{metric}_low"), metrics.get(f"{metric}_high"),
               metrics.get("n_validation"), step.record.model)  # fmt: skip
        by_measure.setdefault(metric, []).append((figure, row))
    for metric, rows in by_measure.items():
        figure = rows[0][0]
        rows.sort(key=lambda each: each[1][3], reverse=figure["better"] == "higher")
        columns = ("dataset", "style", "experiment", metric, f"{metric}_low", f"{metric}_high", "held_out", "model")
        sets = {row[0] for _, row in rows}
        yield Table(
            metric,
            f"Models by {figure['column']}, {figure['better']} is better",
            columns,
            [row for _, row in rows],
            note=APART if len(sets) > 1 else "",
        )


def _evaluated(members: Sequence[EndedMember]) -> Iterator[Table]:
    by_task: dict[str, list[tuple[Any, ...]]] = {}
    for member in members:
        step = member.step("evaluate")
        if step is not None and step.record is not None:
            for row in step.record.facts.get("results", ()):
                cells = (
                    *_who(member),
                    row["model"],
                    row["metric"],
                    row.get("value"),
                    row.get("low"),
                    row.get("high"),
                    row.get("n"),
                )
                by_task.setdefault(row["task"], []).append(cells)
    for task, rows in by_task.items():
        columns = ("dataset", "style", "experiment", "model", "metric", "value", "low", "high", "n")
        yield Table(task, f"Evaluated on {task}", columns, rows)


def _who(member: EndedMember) -> tuple[str, str, str]:
    return member.member.dataset, member.member.style or "-", member.member.experiment


def states(members: Sequence[EndedMember]) -> list[tuple[str, str, str]]:
    """Pipeline, state, and why it failed, or what it stored."""
    rows = []
    for member in members:
        trained = member.step("train")
        said = str(member.error) if member.error is not None else ""
        if not said and trained is not None and trained.record is not None:
            said = trained.record.summary
        rows.append((member.member.pipeline.name, member.state, said))
    return rows


def write_page(batch: LoadedBatch, ended: EndedBatch, folder: Path) -> Path:
    """Write ``batch.html`` atomically. Raises :class:`EnvironmentProblem`."""
    path = folder / NAME
    write_atomic(path, page(batch, ended, folder).encode("utf-8", errors="replace"))
    return path


def page(batch: LoadedBatch, ended: EndedBatch, folder: Path) -> str:
    """The whole page, with links to the pipelines' own."""
    title = f"Batch {batch.name}"
    head = [tag("header", join([tag("h1", title), *([tag("p", batch.description)] if batch.description else [])]))]
    rows = []
    for (name, state, said), member in zip(states(ended.members), ended.members, strict=True):
        css, sign = BADGES[state]
        link: Any = name
        if member.ended is not None and member.ended.page is not None:
            place = os.path.relpath(member.ended.folder / PIPELINE_PAGE, folder)
            link = tag("a", name, href=place)
        rows.append((link, tag("span", f"{sign} {state}", f"badge {css}".strip()), said))
    sections: list[tuple[str, Markup]] = [("Pipelines", table(("pipeline", "state", "what it came to"), rows))]
    sections += [
        (each.title, join([as_html(each), *([tag("p", each.note, "soft")] if each.note else [])]))
        for each in tables_of(ended.members)
    ]
    sections.append(("Document", as_written(batch.document.value)))
    return whole_page(title, head, sections, time.strftime("%Y-%m-%d %H:%M:%S"))
