"""What removing models or runs would do, or has done: a table of what goes, and what stays with the reason."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from runner.cli.output import show, table
from runner.errors import ConflictError, UsageError

if TYPE_CHECKING:
    from runner.execution.removal_rules import Kept, Removals

Yes = Annotated[
    bool, Parameter(name="--yes", negative="", help="Do it. Without it, it is only shown what would be removed.")
]
#: Seconds by the letter of an age.
UNITS = {"h": 3600, "d": 86400, "w": 7 * 86400}


def age(text: str | None) -> float | None:
    """``30d`` in seconds. Raises :class:`UsageError`."""
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]{1,6})([hdw])", text.strip())
    if found is None:
        raise UsageError(f"{text!r} is no age", where="--older-than", hint="a whole number and h, d or w: 12h, 30d, 4w")
    return int(found[1]) * UNITS[found[2]]


def check_rule(older_than: str | None, keep: int | None, what: str) -> None:
    """Raise :class:`UsageError` for a pruning that says nothing, or nonsense."""
    if keep is not None and keep < 0:
        raise UsageError(f"{keep} is no number of {what}", where="--keep", hint="it is 0 or more")
    if older_than is None and keep is None:
        raise UsageError(
            f"which {what} are to go?", where="--older-than, --keep", hint="say one or both: --older-than 30d --keep 3"
        )


def refuse(kept: list[Kept], hint: str | None = None) -> None:
    """Raise :class:`ConflictError` where something that was asked for by its name has to stay."""
    if kept:
        told = "\n  ".join(f"{each.name}: {each.why}" for each in kept[1:])
        hints = dict.fromkeys(each.hint for each in kept if each.hint)
        raise ConflictError(
            f"cannot be removed: {kept[0].why}" + (f"\n  {told}" if told else ""),
            where=kept[0].name,
            hint="\n  ".join([*hints, *([hint] if hint else [])]),
        )


def carry_out(
    removals: Removals,
    remove: Callable[[Any], None],
    clear: Callable[[list[Path]], None],
    *,
    what: str,
    yes: bool,
    as_json: bool,
) -> None:
    """Do it where that was asked for, and print it. ``remove`` takes one away for good, ``clear`` what is left of
    removals that were killed; for the others see :func:`report`."""
    # What is gone cannot be measured any more.
    freed = removals.bytes
    if yes:
        for each in removals.going:
            remove(each.item)
        clear(removals.leftovers)
    report(removals, freed, what=what, done=yes, as_json=as_json)


def report(removals: Removals, freed: int, *, what: str, done: bool, as_json: bool) -> None:
    """Print it. ``what`` is ``models`` or ``runs``; ``freed`` in bytes, as counted before anything was removed."""
    document: dict[str, Any] = {
        "done": done,
        what: [
            {"name": each.name, "path": str(each.path), "made": each.made, "bytes": each.bytes}
            | ({"state": each.state} if each.state else {})
            for each in removals.going
        ],
        "kept": [{"name": each.name, "why": each.why, "hint": each.hint} for each in removals.kept],
        "leftovers": [str(path) for path in removals.leftovers],
        "bytes": freed,
    }
    kept = f"{_count(removals, what)} removed" if done else None
    show(document, lambda: _text(removals, freed, what, done), as_json=as_json, kept=kept)


def _text(removals: Removals, freed: int, what: str, done: bool) -> str:
    from runner.tasks.compared import size

    parts = []
    if removals.going:
        rows = [
            (
                each.name,
                each.state or "",
                datetime.fromtimestamp(each.made).strftime("%Y-%m-%d %H:%M"),
                size(each.bytes),
            )
            for each in removals.going
        ]
        head = "REMOVED" if done else "WOULD BE REMOVED"
        if what == "runs":
            parts.append(table((head, "STATE", "ENDED", "ALONE"), rows, right=(3,)))
        else:
            parts.append(table((head, "STORED", "ALONE"), [(row[0], *row[2:]) for row in rows], right=(2,)))
    named = [each for each in removals.kept if each.hint is not None]
    if named:
        parts.append(table(("KEPT", "WHY"), [(each.name, each.why) for each in named]))
    rule = Counter(each.why for each in removals.kept if each.hint is None)
    if rule:
        parts.append("\n".join(f"{count} kept: {why}" for why, count in rule.items()))
    if not removals.going and not removals.leftovers:
        parts.append(f"no {what} to remove")
    elif done:
        parts.append(f"{_count(removals, what)} removed, {size(freed)} free again")
    else:
        parts.append(f"nothing is removed yet; --yes removes {_count(removals, what)}: {size(freed)} are free then")
    return "\n\n".join(parts)


def _count(removals: Removals, what: str) -> str:
    count, left = len(removals.going), len(removals.leftovers)
    told = f"{count} {what if count != 1 else what[:-1]}"
    return told + (f" and what {left} removal{'s that were' if left > 1 else ' that was'} killed left" if left else "")
