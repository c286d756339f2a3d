"""A comparison as one page: self-contained HTML in the style of a run's page, that asks nothing of any network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.evaluation import compare_page_sections
from runner.evaluation.compare_tables import tasks_of
from runner.pages.html import Markup
from runner.pages.page import whole_page
from runner.pages.style import CSS


def page(document: Mapping[str, Any]) -> str:
    """The whole page of a comparison's document."""
    sections: list[tuple[str, Markup]] = []
    for task, found in tasks_of(document):
        name = task.models_noun if len(document["tasks"]) > 1 else "Results"
        sections.append((name, compare_page_sections.results(task, found, document)))
        sections += task.room("comparing_words").sections(found)
    sections += [("Not measured", compare_page_sections.lost(document)), ("Data", compare_page_sections.data(document))]
    title = f"Comparison of {len(document['models'])} models"
    return whole_page(title, [compare_page_sections.header(document)], sections, document["created"], CSS)
