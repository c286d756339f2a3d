"""What an export is made of: a spec's settings, how one is written, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.interchange.report import Entry


@dataclass(frozen=True)
class Setting:
    """One thing that a spec says: its value, and the pointers that say it."""

    value: Any
    pointers: tuple[str, ...]


@dataclass
class Exported:
    """Their configuration, and the account of every field of the spec that was written."""

    format: str
    kind: str
    config: dict[str, Any]
    entries: list[Entry] = field(default_factory=list)
    #: Files that have to lie beside it, by their names.
    files: dict[str, Any] = field(default_factory=dict)
    command: str = ""

    @property
    def lost(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.effect]


#: A setting's name there, and its value; None for what it cannot do.
Written = Mapping[str, Any] | None
Writer = Callable[[Any], Written]


def key(name: str, made: Callable[[Any], Any] = lambda value: value) -> Writer:
    """A writer of a setting that has a name there."""
    return lambda value: {name: made(value)}
