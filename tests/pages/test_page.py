"""The frame that every page stands in."""

from __future__ import annotations

from runner.pages.html import Markup, tag
from runner.pages.page import whole_page
from tests.pages.page_reader import HOSTILE, Page


def test_a_section_without_content_is_left_out_and_two_of_one_name_have_two_places() -> None:
    sections = [("A b", tag("p", "one")), ("Empty", Markup()), ("A b", tag("p", "two"))]
    page = Page(whole_page("t", [tag("h1", "t")], sections, "today"))
    assert page.sections() == ["A b", "A b"]
    assert [attrs["id"] for name, attrs in page.elements if name == "section"] == ["a-b", "a-b-2"]
    assert [attrs["href"] for name, attrs in page.elements if name == "a"] == ["#a-b", "#a-b-2"]


def test_what_looks_like_a_slot_or_a_style_is_text() -> None:
    title = f"$body $css </style> {HOSTILE}"
    page = Page(
        whole_page(title, [tag("h1", title)], [("$css", tag("p", "</style>$title"))], "today", "p { margin: 0 }")
    )
    assert "</style>$title" in page.text
    assert "p { margin: 0 }" in "".join(data for name, data in page.texts if name == "style")
    assert not {"script", "img"} & {name for name, _ in page.elements}
