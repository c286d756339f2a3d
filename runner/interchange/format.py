"""What the module of a format has to say: its settings as a table, its defaults, how to know it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runner.interchange.leaves import Leaves
from runner.interchange.rules import Table

if TYPE_CHECKING:
    from runner.interchange.drafting import Draft


@dataclass(frozen=True)
class Chosen:
    """The kind that a configuration trains, the settings that said so, and what is to be known of the choice."""

    kind: str
    note: str = ""


def _nothing(draft: Draft) -> None:
    pass


@dataclass(frozen=True)
class Format:
    """A program's configurations.

    ``table`` gives the rules of a kind's settings. ``defaults`` are the settings' values where they are not given, of a
    kind, by the names of :mod:`drafting` and by pointers. ``fits`` tells how well a file looks like one, 0 not at all.
    ``prepare`` does what needs several settings at once, before the others are carried, and ``finish`` after it.
    """

    name: str
    title: str
    kind: Callable[[Leaves], Chosen]
    table: Callable[[str], Table]
    fits: Callable[[Leaves], int]
    defaults: Callable[[str, Leaves], Mapping[str, Any]]
    prepare: Callable[[Draft], None] = _nothing
    #: What is put together once every setting is taken.
    finish: Callable[[Draft], None] = _nothing
    #: For the documents: what is worth knowing of it.
    about: str = ""
    #: Whether ``no_x`` sets ``x`` to false, as in programs whose settings Hugging Face's parser reads.
    negates: bool = False
    #: The kinds for which the documents show a table.
    kinds: tuple[str, ...] = field(default=("sft",))
