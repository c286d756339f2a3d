"""A comparison as one page: self-contained HTML in the style of a run's page, that asks nothing of any network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from runner import __version__, tracking
from runner.evaluation import _heat, _sections
from runner.evaluation._style import CSS
from runner.tracking._html import Markup, join, tag, text

#: The pages' own frame and style.
TEMPLATE = Path(tracking.__file__).with_name("report.html")


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
    shown = [(name, content) for name, content in sections if content]
    links = tag("nav", join(tag("a", name, href=f"#{_anchor(name)}") for name, _ in shown))
    body = [_sections.header(document), links]
    body += [tag("section", join([tag("h2", name), content]), id=_anchor(name)) for name, content in shown]
    body.append(tag("footer", f"Written by runner {__version__}, {document['created']}."))
    whole = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=text(f"Comparison of {len(document['models'])} models"), body=join(body, "\n")
    )
    return whole.replace("</style>", CSS + "</style>", 1)


def _anchor(name: str) -> str:
    return name.lower().replace(" ", "-")
