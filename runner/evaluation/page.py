"""A comparison as one page: self-contained HTML in the style of a run's page, that asks nothing of any network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.evaluation import _heat, _sections
from runner.evaluation._style import CSS
from runner.tracking._html import Markup
from runner.tracking.report import whole_page


def page(document: Mapping[str, Any]) -> str:
    """The whole page of a comparison's document."""
    sections: list[tuple[str, Markup]] = []
    for task, found in document["tasks"].items():
        several = len(document["tasks"]) > 1
        name = {"ranking": "Routers", "length": "Length models"}[task] if several else "Results"
        sections.append((name, _sections.results(task, found, document)))
        if task == "ranking":
            sections += [
                ("Where reading the prompt pays", _sections.groups(found.get("groups"))),
                ("Leaderboards side by side", _sections.leaderboards(found.get("leaderboards"))),
                ("Calibration", _sections.calibration(found["table"])),
                ("Who beats whom", _heat.win_rates(found.get("win_rates"))),
            ]
    sections += [("Not measured", _sections.lost(document)), ("Data", _sections.data(document))]
    title = f"Comparison of {len(document['models'])} models"
    return whole_page(title, [_sections.header(document)], sections, document["created"], CSS)
