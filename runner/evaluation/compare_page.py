"""A comparison as one page: self-contained HTML in the style of a run's page, that asks nothing of any network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.evaluation import compare_page_sections
from runner.pages import heat
from runner.pages.html import Markup
from runner.pages.style import CSS
from runner.tracking.run_page import whole_page


def page(document: Mapping[str, Any]) -> str:
    """The whole page of a comparison's document."""
    sections: list[tuple[str, Markup]] = []
    for task, found in document["tasks"].items():
        several = len(document["tasks"]) > 1
        name = {"ranking": "Routers", "length": "Length models"}[task] if several else "Results"
        sections.append((name, compare_page_sections.results(task, found, document)))
        if task == "ranking":
            sections += [
                ("Where reading the prompt pays", compare_page_sections.groups(found.get("groups"))),
                ("Leaderboards side by side", compare_page_sections.leaderboards(found.get("leaderboards"))),
                ("Calibration", compare_page_sections.calibration(found["table"])),
                ("Who beats whom", heat.win_rates(found.get("win_rates"))),
            ]
    sections += [("Not measured", compare_page_sections.lost(document)), ("Data", compare_page_sections.data(document))]
    title = f"Comparison of {len(document['models'])} models"
    return whole_page(title, [compare_page_sections.header(document)], sections, document["created"], CSS)
