"""The sections of a run's page. Each takes what was recorded and gives HTML, which is empty for nothing to show."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from runner.contract import Measure, Table, Task
from runner.pages import plots
from runner.pages.cards import Card, card
from runner.pages.harmless_text import clean
from runner.pages.html import Markup, block, join, lists, table, tag, tree
from runner.pages.numbers import duration, finite, number
from runner.pages.table_page import as_html
from runner.tracking.event_words import early_text, sentence
from runner.tracking.recorded_run import Recorded
from runner.tracking.run_task import baselines, best_baseline, recorded_tables, room_of, task_of

#: Rows of a timeline that a page shows.
LONGEST_TIMELINE = 200
#: Lines of dropped rows that are named for each reason.
MOST_LINES = 20
#: Measures of a task that have a card, and a column beside the baselines.
MOST_CARDS = 4


def headline(run: Recorded) -> Markup:
    """The final scalars: the task's own as cards, the rest as a table, then the calibrated parameters."""
    metrics = run.metrics
    parts: list[object] = []
    if metrics:
        task = task_of(model_type(run), metrics)
        cards = _cards(task)
        best = best_baseline(task, baselines(recorded_tables(task, run.tables)))
        count = finite(metrics.get("n_validation"))
        noun = f"Held-out {task.held_out_noun}"
        held_out = [card(noun, number(int(count)), "measured on these")] if count else []
        known = finite(metrics.get(task.headline.metric)) is not None
        shown = [*(each.html(metrics, best) for each in cards if known), *held_out]
        told = {"n_validation", *(name for each in cards for name in _names(each.measure))} if known else set()
        others = [
            (_words(name), tag("span", number(value), "number")) for name, value in metrics.items() if name not in told
        ]
        parts += [tag("div", join(shown), "cards")] if shown else []
        parts += [tag("p", "Nothing was held out, so nothing was measured.", "soft")] if count == 0 else []
        read = getattr(room_of(task, "tables"), "sentences", None)
        parts += [tag("p", clean(each)) for each in (read(run.tables) if read is not None else ())]
        parts += [tag("h3", "Other metrics"), lists(others)] if others else []
    parts += [tag("p", early_text(each), "soft") for each in run.stopped_early]
    if run.parameters:
        parts += [tag("h3", "Calibrated parameters"), tree(run.parameters)]
    return join(parts)


def _cards(task: Task) -> Sequence[Card]:
    """The task's own cards; of a task that has none, its first measures."""
    cards = getattr(room_of(task, "tables"), "CARDS", None)
    if cards is not None:
        return list(cards)
    first, *others = task.measures[:MOST_CARDS]
    return [Card(first, beside=task.rival), *(Card(measure) for measure in others)]


def _words(metric: str) -> str:
    """A metric's name as a person reads it. What stands before a slash is the name of a column, and stays as it is."""
    column, slash, name = clean(metric).rpartition("/")
    return f"{column}{slash}{name.replace('_', ' ')}"


def _names(measure: Measure) -> tuple[str, ...]:
    return (measure.metric, measure.low, measure.high) if measure.interval else (measure.metric,)


def beside(run: Recorded) -> tuple[str, Markup]:
    """This run beside the baselines on the same split: the table's title, and its rows with this run's among them."""
    task = task_of(model_type(run), run.metrics)
    table = next((each for each in recorded_tables(task, run.tables) if each.name == "baselines"), None)
    if table is None:
        return "", Markup()
    own = {"model": f"{model_type(run)} (this run)", **run.metrics}
    first, *others = task.measures[:MOST_CARDS]

    def rank(row: Mapping[str, Any]) -> float:
        value = finite(row.get(first.metric))
        return -first.key(value) if value is not None else np.inf

    ranked = sorted([own, *baselines([table])], key=rank)
    ends = {"low": first.low, "high": first.high} if first.interval else {}
    columns = {"model": "model", first.column: first.metric} | ends | {each.column: each.metric for each in others}
    whole = Table(
        name=table.name,
        title=table.title,
        columns=tuple(columns),
        rows=[tuple(row.get(metric) for metric in columns.values()) for row in ranked],
        plot="bars",
        note=table.note or f"Every model is measured on the same held-out {task.held_out_noun}, by the same protocol.",
        decimals={each.column: each.decimals for each in (first, *others)} | dict.fromkeys(ends, first.decimals),
    )
    return table.title, as_html(whole, next(place for place, row in enumerate(ranked) if row is own))


def tables(run: Recorded) -> list[tuple[str, Markup]]:
    """Every other table that the run recorded, each under its title."""
    task = task_of(model_type(run), run.metrics)
    return [
        (table.title, as_html(_in_words(table, task)))
        for table in recorded_tables(task, run.tables)
        if table.name != "baselines"
    ]


def _in_words(table: Table, task: Task) -> Table:
    """The table with the measures' own names for columns that are called by their metrics."""
    words = {measure.metric: measure.column for measure in task.measures}
    decimals = {words.get(name, name): count for name, count in table.decimals.items()}
    return replace(table, columns=tuple(words.get(name, name) for name in table.columns), decimals=decimals)


def data(run: Recorded) -> Markup:
    """What was read, kept and skipped, and the lines of the rows that were dropped or changed."""
    parts = [tree(run.data, counts=True)] if run.data else []
    for title, counts in (("Dropped rows", run.rows.rows_dropped), ("Changed rows", run.rows.rows_changed)):
        if not counts:
            continue
        named = run.rows.named
        body = [(reason, number(count), _lines(named.get(reason, ()), count)) for reason, count in counts.items()]
        parts += [tag("h3", title), table(("reason", "rows", "lines"), body, ("who", "n", ""))]
    if run.rows.warnings:
        said = tag("ul", join(tag("li", sentence_) for sentence_ in run.rows.warnings))
        parts += [tag("h3", "Warnings about the data"), said]
    return join(parts)


def _lines(named: Sequence[Any], count: int) -> str:
    """``12, 40, 97 and 88 more``: rows by line, by number where the file has no lines, or by their own files' names."""
    known = [clean(row) if isinstance(row, str) else str(int(row)) for row in named if _names_row(row)]
    shown, left = known[:MOST_LINES], count - len(known[:MOST_LINES])
    said = ", ".join(shown)
    return f"{said} and {number(left)} more" if shown and left > 0 else said


def _names_row(row: Any) -> bool:
    return isinstance(row, str) or finite(row) is not None


def warnings(run: Recorded) -> Markup:
    """The run's warnings, each with its place in the spec."""
    if not run.warnings:
        return Markup()
    body = [(tag("code", event.pointer or ""), event.message or "") for event in run.warnings]
    return table(("place", "warning"), body, ("place",))


def spec(run: Recorded) -> Markup:
    """The resolved spec, as it can be run again."""
    if not run.spec:
        return Markup()
    return tag("pre", tag("code", block(json.dumps(run.spec, indent=2, ensure_ascii=False))))


def lock(run: Recorded) -> Markup:
    """The run's lock: what a replay needs."""
    return tree(run.lock, fold=("packages",)) if run.lock else Markup()


def timeline(run: Recorded) -> Markup:
    """The run's events over time. Neighbouring events of one kind share a row."""
    known = [t for span in run.spans for t in (span.first, span.last) if t is not None]
    if not known:
        return Markup()
    start, total = min(known), max(known) - min(known)
    body = []
    for span in run.spans[:LONGEST_TIMELINE]:
        said = sentence(span.event) + (f"  ({span.count:,} events)" if span.count > 1 else "")
        if span.first is None or span.last is None:
            body.append(("-", "", said))
            continue
        bar = plots.stretch(span.first - start, span.last - start, total, f"from {duration(span.first - start)}")
        body.append((f"+ {duration(span.first - start)}", Markup(bar), said))
    left = len(run.spans) - len(body)
    parts: list[object] = [table(("time", "", "event"), body, ("n", "plotted"))]
    if left > 0:
        parts.append(tag("p", f"{left:,} later rows are in events.jsonl.", "soft"))
    return join(parts)


def log(run: Recorded) -> Markup:
    """The end of the run's own output."""
    return tag("pre", block(run.log)) if run.log.strip() else Markup()


def model_type(run: Recorded) -> str:
    """The run's kind, from its first event, else from its spec."""
    model = run.spec.get("model")
    inner = model.get("spec") if isinstance(model, Mapping) else None
    named = inner.get("model_type") if isinstance(inner, Mapping) else None
    return clean(run.started.model_type or named or "run")
