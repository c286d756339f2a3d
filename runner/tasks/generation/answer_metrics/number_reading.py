"""Numbers in a text."""

from __future__ import annotations

import re

NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:[eE][+-]?\d+)?|-?\.\d+")


def numbers(text: str) -> list[float]:
    """The numbers of a text in their order: 1,234.5 is one."""
    return [float(found.replace(",", "")) for found in NUMBER.findall(text)]


def last_number(text: str) -> float | None:
    """The last of them."""
    found = numbers(text)
    return found[-1] if found else None
