"""A sweep as one HTML file: what was tried, what it came to, what mattered."""

from __future__ import annotations

import time
from collections.abc import Mapping

from runner.pages.cards import card
from runner.pages.html import Markup, join, tag
from runner.pages.numbers import number
from runner.pages.page import whole_page
from runner.pages.parallel_lines import parallel_lines
from runner.pages.table_page import as_html
from runner.sweeps.journal import Record, TrialState
from runner.sweeps.sweep_tables import (
    importance_table,
    parameters_of,
    progress_table,
    short_names,
    shown,
    states_table,
    trials_table,
)


def page(record: Record, name: str, importance: Mapping[str, float]) -> str:
    """The whole page."""
    best = record.best()
    names = short_names(parameters_of(record))
    cards: list[Markup] = [card("trials", str(record.counted()), "begun or over")]
    if best is not None:
        tried = ", ".join(f"{names[place]} {shown(value)}" for place, value in best.values.items())
        cards.append(
            card(f"best {record.metric}", number(best.value), f"trial {best.number}: {tried}", best.model or "")
        )
    head = tag("header", join([tag("h1", f"Sweep {name}"), tag("p", f"{record.goal} {record.metric}", "soft")]))
    complete = [trial for trial in record.trials.values() if trial.state is TrialState.COMPLETE]
    sections: list[tuple[str, Markup]] = []
    if len(complete) > 1:
        rows = [{names[place]: value for place, value in trial.values.items()} for trial in complete]
        values = [trial.value or 0.0 for trial in complete]
        better = "higher" if record.goal == "maximize" else "lower"
        sections.append(
            ("Parameters", parallel_lines(list(names.values()), rows, values, record.metric or "value", better))
        )
        sections.append(("Trial by trial", as_html(progress_table(record))))
    if importance:
        sections.append(("What matters", as_html(importance_table(importance))))
    own = next((at for at, trial in enumerate(record.trials.values()) if trial is best), None)
    sections.append(("Trials", as_html(trials_table(record), own)))
    sections.append(("What became of them", as_html(states_table(record))))
    written = time.strftime("%Y-%m-%d %H:%M")
    return whole_page(f"Sweep {name}", [head, tag("div", join(cards), "cards")], sections, written)
