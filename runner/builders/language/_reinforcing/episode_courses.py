"""How the episodes of a training with an environment went."""

from __future__ import annotations

from collections.abc import Mapping

from runner.builders.language._reinforcing.episodes import ENDS
from runner.contract import Table
from runner.contract.quantities import counted

#: From this share on it is told that episodes did not come to their end.
MANY = 0.5
NAMES = {"out_of_turns": "max_turns", "no_room": "max_length"}


def tables(course: Mapping[str, int]) -> list[Table]:
    """One row: how often an episode ended in each way, and what was in them; no table without an environment."""
    columns = [*ENDS, "turns", "calls", "failed_calls"]
    if not course:
        return []
    row = [course.get(name, 0) for name in columns]
    return [Table("environment", "Answers and their environment", columns, [row], decimals=dict.fromkeys(columns, 0))]


def sentences(course: Mapping[str, int], *, asked: bool) -> list[str]:
    """What is told of many episodes that were ended, calls that all failed, and a partner's numbers that are lost.

    ``asked`` says whether a reward takes these.
    """
    total = sum(course.get(end, 0) for end in ENDS)
    found = [
        f"{course.get(end, 0):,} of {total:,} answers were ended by {field}"
        for end, field in NAMES.items()
        if total and course.get(end, 0) >= MANY * total
    ]
    if course.get("calls") and course["calls"] == course.get("failed_calls"):
        found.append(f"all {course['calls']:,} calls of tools failed")
    if course.get("given") and not asked:
        found.append(
            f"the environment's partner gave numbers for {counted(course['given'], 'answers')}, which are lost: a "
            "reward of the type environment takes them"
        )
    return found
