"""Text in the width of a window: lines broken between words, what is indented stays so."""

from __future__ import annotations

import shutil
import textwrap


def columns() -> int:
    """How many letters a line may have: one less than the window, and never more than reads well."""
    return max(20, min(shutil.get_terminal_size().columns - 1, 120))


def wrapped(text: str, width: int | None = None, *, first: int = 0) -> str:
    """The text with no line longer than ``width``, or the window; the first one shorter by ``first`` letters.

    A word that is longer than a line stays whole: a path or an address has to be copied as it stands.
    """
    width = width or columns()
    lines: list[str] = []
    for part in text.split("\n"):
        indent = part[: len(part) - len(part.lstrip())]
        lead = " " * first if not lines else ""
        broken = textwrap.wrap(
            lead + part.strip() if lead else part,
            width,
            subsequent_indent=indent + "  " if indent else "",
            break_long_words=False,
            break_on_hyphens=False,
        )
        lines += broken or [""]
    if first and lines:
        lines[0] = lines[0][first:]
    return "\n".join(lines)
