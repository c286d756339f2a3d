"""How the code of answers ended in a training, by the reward that ran it."""

from __future__ import annotations

from collections.abc import Mapping

from runner.contract import Table
from runner.contract.foreign_code import CUT_SHORT, ENDS


def tables(ways: Mapping[str, int]) -> list[Table]:
    """A row for each reward that runs code; no table where none does. ``ways`` are counts by ``reward/way``."""
    names = _names(ways)
    rows = [[name, *(ways.get(f"{name}/{end}", 0) for end in ENDS)] for name in names]
    title = "How the code of answers ended in training"
    return [Table("code", title, ["reward", *ENDS], rows, decimals=dict.fromkeys(ENDS, 0))] if rows else []


def sentences(ways: Mapping[str, int]) -> list[str]:
    """What is told of code that did not come to its end."""
    found = []
    for name in _names(ways):
        total = sum(ways.get(f"{name}/{end}", 0) for end in ENDS)
        for end, told in CUT_SHORT.items():
            if count := ways.get(f"{name}/{end}", 0):
                found.append(f"{name}: the code of {count:,} of {total:,} answers {told}, and is worth 0")
    return found


def _names(ways: Mapping[str, int]) -> list[str]:
    return list(dict.fromkeys(name.partition("/")[0] for name in ways))
