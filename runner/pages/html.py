"""The few pieces of HTML that a page is made of. Whatever comes in is escaped here, and nowhere else."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from runner.pages.harmless_text import clean
from runner.pages.numbers import finite, number


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(value: object) -> Markup:
    """A value as escaped HTML on one line; what is :class:`Markup` stays as it is."""
    return value if isinstance(value, Markup) else Markup(html.escape(clean(value)))


def block(value: str) -> Markup:
    """Several lines of text, escaped, their line breaks and tabs kept."""
    return Markup("\n".join(text(line.expandtabs(4)) for line in value.splitlines()))


def tag(name: str, content: object = "", css: str = "", **attributes: object) -> Markup:
    """``<name class="css">content</name>``."""
    named = {"class": css} | attributes if css else attributes
    written = "".join(f' {key}="{html.escape(clean(value))}"' for key, value in named.items())
    return Markup(f"<{name}{written}>{text(content)}</{name}>")


def join(parts: Iterable[object], between: str = "") -> Markup:
    """Pieces one after the other, each escaped unless it is markup."""
    return Markup(between.join(text(part) for part in parts))


def table(
    header: Sequence[object],
    rows: Iterable[Sequence[object]],
    classes: Sequence[str] = (),
    own: int | None = None,
    boxed: bool = True,
    css: str = "",
) -> Markup:
    """A table; ``classes`` names the columns' classes (``n`` for numbers), ``own`` the row to bring out, ``css`` the
    table's own class."""
    each = [*classes, *[""] * (len(header) - len(classes))]
    head = join(tag("th", cell, each[i], scope="col") for i, cell in enumerate(header))
    body = join(
        tag("tr", join(tag("td", cell, each[i]) for i, cell in enumerate(row)), "own" if place == own else "")
        for place, row in enumerate(rows)
    )
    whole = tag("table", join([tag("thead", tag("tr", head)), tag("tbody", body)]), css)
    return tag("div", whole, "box") if boxed else whole


def pairs(items: Iterable[tuple[object, object]]) -> Markup:
    """A table of names and values."""
    rows = join(tag("tr", join([tag("td", name), tag("td", value)])) for name, value in items)
    return tag("table", tag("tbody", rows), "pairs")


def lists(items: Sequence[tuple[object, object]], most: int = 8) -> Markup:
    """Names and values in up to three tables side by side, ``most`` in each where that is enough."""
    count = min(-(-len(items) // most), 3)
    if count < 2:
        return pairs(items)
    each = -(-len(items) // count)
    return tag("div", join(pairs(items[at : at + each]) for at in range(0, len(items), each)), "lists")


def scalar(value: Any) -> Markup:
    """A JSON scalar, or a list of them, as a person reads it."""
    if value is None:
        return tag("span", "none", "soft")
    if isinstance(value, bool):
        return text("yes" if value else "no")
    if isinstance(value, float):
        return text(number(value))
    if isinstance(value, list):
        return text(", ".join(clean(item) for item in value)) if value else tag("span", "none", "soft")
    return text(value)


def tree(document: Mapping[str, Any], fold: Sequence[str] = (), counts: bool = False) -> Markup:
    """A JSON object as tables: its scalars, then each object in it under its own heading; those in ``fold`` are
    folded away. With ``counts`` its numbers are counts of things (1,200), not names of something (a seed)."""
    flat = [
        (clean(key).replace("_", " "), number(value) if counts and finite(value) is not None else scalar(value))
        for key, value in document.items()
        if not isinstance(value, Mapping)
    ]
    parts = [pairs(flat)] if flat else []
    for key, value in document.items():
        if not isinstance(value, Mapping) or not value:
            continue
        label = clean(key).replace("_", " ")
        if counts and all(finite(item) is not None for item in value.values()):
            counted = sorted(value.items(), key=lambda item: -(finite(item[1]) or 0.0))
            rows = [(name, tag("span", number(count))) for name, count in counted]
            inner = table(("", "count"), rows, ("", "n"), boxed=False, css="pairs")
        else:
            inner = pairs(
                (name, scalar(item) if not isinstance(item, Mapping) else _inline(item)) for name, item in value.items()
            )
        if key in fold:
            parts.append(tag("details", join([tag("summary", f"{label} ({len(value)})"), inner])))
        else:
            parts.append(join([tag("h3", label), inner]))
    return join(parts)


def _inline(document: Mapping[str, Any]) -> Markup:
    """An object within an object within an object: on one line."""
    return text(", ".join(f"{clean(key)}: {clean(value)}" for key, value in document.items()))
