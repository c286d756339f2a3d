"""Whether the columns that are wanted are there, and which ones may have been meant."""

from __future__ import annotations

from collections.abc import Sequence

from runner import near_names
from runner.errors import DataError


def need(present: Sequence[str], wanted: Sequence[str], where: str, who: str = "there is no") -> None:
    """Raise :class:`DataError` where a wanted column is not there, with the nearest name; a name is proposed once."""
    absent = [name for name in wanted if name not in set(present)]
    if not absent:
        return
    free = [name for name in present if name not in set(wanted)]
    proposals = []
    for name in absent:
        if near := near_names.nearest(name, free):
            free.remove(near)
            proposals.append(f"{near!r} for {name!r}")
    shown = ", ".join(map(repr, list(present)[:30])) + (", ..." if len(present) > 30 else "")
    verb = "there is no column" if who == "there is no" else f"{who} a column that is not here:"
    raise DataError(
        f"{verb} {', '.join(map(repr, absent))}",
        where=where,
        hint=(f"did you mean {', '.join(proposals)}? " if proposals else "") + f"there are: {shown}",
    )
