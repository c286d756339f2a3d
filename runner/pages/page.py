"""The frame of every page: one self-contained HTML file with its style, links to its sections, and its footer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from string import Template

from runner import __version__
from runner.pages.html import Markup, join, tag, text

#: How a picture begins; other texts of a page have no such brackets.
IMAGE = '<img src="data:'
TEMPLATE = Path(__file__).with_name("page.html")


def whole_page(
    title: object, head: Sequence[Markup], sections: Sequence[tuple[str, Markup]], written: object, css: str = ""
) -> str:
    """A page that asks nothing of any network.

    ``head`` comes first, then links to the ``sections``, then the sections under their names; a section without content
    is left out. ``written`` says when the page was made. ``css`` is added to the page's style: it is the program's own
    text, never a user's.
    """
    shown = [(name, content) for name, content in sections if content]
    names = _anchors([name for name, _ in shown])
    links = tag("nav", join(tag("a", name, href=f"#{at}") for at, (name, _) in zip(names, shown, strict=True)))
    body = [*head, links]
    for at, (name, content) in zip(names, shown, strict=True):
        body.append(tag("section", join([tag("h2", name), content]), id=at))
    body.append(tag("footer", f"Written by runner {__version__}, {written}."))
    content = join(body, "\n")
    # A page may show pictures that are in it, and only one that has some.
    pictures = "; img-src data:" if IMAGE in content else ""
    template = Template(TEMPLATE.read_text(encoding="utf-8"))
    return template.substitute(title=text(title), css=css, pictures=pictures, body=content)


def _anchors(names: Sequence[str]) -> list[str]:
    """One place in the page for each section; two sections of one name have two."""
    found: list[str] = []
    for name in names:
        anchor = plain = name.lower().replace(" ", "-")
        count = 1
        while anchor in found:
            count += 1
            anchor = f"{plain}-{count}"
        found.append(anchor)
    return found
