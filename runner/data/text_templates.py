"""Texts with ``{COLUMN}`` where a cell of a row goes; ``{{`` and ``}}`` are braces of the text."""

from __future__ import annotations

import re
from collections.abc import Mapping

_PARTS = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


class TemplateFault(ValueError):
    """What is wrong with a template, in a few words."""


def columns_of(template: str) -> list[str]:
    """The columns that a template names, each once. Raises :class:`TemplateFault`."""
    found = []
    for part in _PARTS.finditer(template):
        if part.group() in ("{", "}"):
            raise TemplateFault(
                f"a lone {part.group()} at character {part.start() + 1}: write it twice to have it there"
            )
        if part.group(1) is not None:
            if not part.group(1):
                raise TemplateFault(f"no column between the braces at character {part.start() + 1}")
            found.append(part.group(1))
    return list(dict.fromkeys(found))


def only_column(template: str) -> str | None:
    """The column of a template that is nothing else."""
    match = _PARTS.fullmatch(template)
    return match.group(1) if match else None


def filled(template: str, cells: Mapping[str, str]) -> str:
    """The text. What stands in a cell is text, whatever braces it has."""

    def part(match: re.Match[str]) -> str:
        name = match.group(1)
        return match.group()[0] if name is None else cells[name]

    return _PARTS.sub(part, template)
