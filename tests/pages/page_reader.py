"""Reading a page back: its elements, its texts, and whether every element is closed in order."""

from __future__ import annotations

from html.parser import HTMLParser

HOSTILE = '<script>alert("x")</script>&\x1b[31m\u202e\'"><img src=x>'
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """The page as a list of elements, and a check that every element is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self._open[-1] if self._open else "", data))

    def sections(self) -> list[str]:
        return [data for tag, data in self.texts if tag == "h2"]

    def has(self, tag: str, css: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag and css in (attrs.get("class") or "").split()]

    @property
    def text(self) -> str:
        return "".join(data for tag, data in self.texts if tag not in {"style", "title"})
