"""What is odd about the names of LLMs: two that are one to a reader, words that mean none, dates."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Words that tools write where a name is missing, in lower case.
NONE = frozenset({"nan", "null", "none", "na", "n/a", "nil", "undefined", "missing"})
#: Names that a sentence lists.
SHOWN = 5


def odd_names(names: Iterable[str]) -> list[str]:
    """What to say of these names, as sentences; nothing where they are as names are."""
    names = sorted(names)
    folded: dict[str, list[str]] = {}
    for name in names:
        folded.setdefault("".join(name.split()).casefold(), []).append(name)
    said = [
        f"LLMs called {_listed(same)} differ in case or spacing alone, and are different LLMs here: write them alike "
        "if they are one"
        for same in folded.values()
        if len(same) > 1
    ]
    if none := [name for name in names if name.strip().casefold() in NONE]:
        said.append(f"an LLM is called {_listed(none)}, which is a word for a missing name: take its rows out if it is")
    if dates := [name for name in names if re.fullmatch(r"\d{4}-\d\d-\d\d([T ].*)?", name)]:
        said.append(f"LLMs are called by dates, {_listed(dates)}: is another column the LLM?")
    return said


def _listed(names: list[str]) -> str:
    return ", ".join(map(repr, names[:SHOWN])) + (", ..." if len(names) > SHOWN else "")
