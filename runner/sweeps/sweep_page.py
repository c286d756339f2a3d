"""A sweep as one HTML file: what was tried, what it came to, what mattered."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from runner.pages.cards import card
from runner.pages.html import Markup, join, tag
from runner.pages.numbers import number
from runner.pages.page import whole_page
from runner.pages.parallel_lines import parallel_lines
from runner.pages.table_page import as_html
from runner.sweeps.journal import Record, Trial, TrialState
from runner.sweeps.sweep_tables import (
    front_line,
    front_table,
    importance_table,
    parameters_of,
    progress_table,
    short_names,
    shown,
    states_table,
    trials_table,
)

#: Trials that are drawn as lines, the best ones: of more none could be told from another.
MOST_LINES = 1000


def page(record: Record, name: str, importance: Sequence[Mapping[str, float]]) -> str:
    """The whole page. ``importance`` has what matters to each metric."""
    best = record.best()
    names = short_names(parameters_of(record))
    cards: list[Markup] = [card("trials", str(record.counted()), "begun or over")]
    if best is not None:
        tried = ", ".join(f"{names[place]} {shown(value)}" for place, value in best.values.items())
        cards.append(
            card(f"best {record.metric}", number(best.value), f"trial {best.number}: {tried}", best.model or "")
        )
    several = len(record.aims) > 1
    if several:
        cards.append(card("front", str(len(record.front())), "trials, none of which is better in both"))
    said = " and ".join(f"{aim.goal} {aim.metric}" for aim in record.aims)
    head = tag("header", join([tag("h1", f"Sweep {name}"), tag("p", said, "soft")]))
    complete = [trial for trial in record.trials.values() if trial.state is TrialState.COMPLETE]
    sections: list[tuple[str, Markup]] = []
    if several and record.front():
        sections.append(("The front", join([as_html(front_line(record)), as_html(front_table(record))])))
    if len(complete) > 1:
        sections.append(("Parameters", _lines(record, complete, names)))
    if len(complete) > 1 and not several:
        sections.append(("Trial by trial", as_html(progress_table(record))))
    for aim, shares in zip(record.aims, importance, strict=False):
        if shares:
            table = importance_table(shares, aim.metric if several else None)
            sections.append((table.title, as_html(table)))
    own = next((at for at, trial in enumerate(record.trials.values()) if trial is best), None)
    sections.append(("Trials", as_html(trials_table(record), own)))
    sections.append(("What became of them", as_html(states_table(record))))
    written = time.strftime("%Y-%m-%d %H:%M")
    return whole_page(f"Sweep {name}", [head, tag("div", join(cards), "cards")], sections, written)


def _lines(record: Record, complete: Sequence[Trial], names: Mapping[str, str]) -> Markup:
    """The parameters of complete trials as lines that end at the metric; a second metric is one axis more."""
    first, *others = record.aims
    drawn = sorted(complete, key=lambda trial: first.cost(trial.value or 0.0))[:MOST_LINES]
    axes = list(names.values())
    rows = [{names[place]: value for place, value in trial.values.items()} for trial in drawn]
    if others:
        second = others[0].metric
        axes.append(second)
        rows = [row | {second: trial.second} for row, trial in zip(rows, drawn, strict=True)]
    values = [trial.value or 0.0 for trial in drawn]
    lines = parallel_lines(axes, rows, values, first.metric, "higher" if first.goal == "maximize" else "lower")
    if len(drawn) == len(complete):
        return lines
    return join([lines, tag("p", f"The best {len(drawn):,} of {len(complete):,} trials by {first.metric}.", "soft")])
