"""The cards that begin a run's page: one large figure each, and what to know of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runner.contract import Measure
from runner.pages.html import Markup, join, tag
from runner.pages.numbers import finite, interval, number


@dataclass(frozen=True)
class Card:
    """One measure as a card: ``note`` stands below the figure, ``beside`` before the best baseline's."""

    measure: Measure
    note: str = ""
    beside: str = ""

    def html(self, metrics: Mapping[str, Any], best: Mapping[str, Any] | None) -> Markup:
        """The card for a run's metrics; ``best`` are the best baseline's, or None."""
        measure = self.measure
        notes = []
        if within := interval(metrics.get(measure.low), metrics.get(measure.high), measure.decimals):
            notes.append(f"95 % interval {within}")
        if self.beside and best is not None and finite(best.get(measure.metric)) is not None:
            notes.append(f"{self.beside}: {number(best[measure.metric], measure.decimals)}")
        return card(measure.label, number(metrics.get(measure.metric), measure.decimals), *notes, self.note)


def card(name: str, value: str, *notes: str) -> Markup:
    """A figure under its name, over its notes; an empty note is none."""
    below = [tag("div", note, "soft") for note in notes if note]
    return tag("div", join([tag("div", name, "name"), tag("div", value, "value"), *below]), "card")
