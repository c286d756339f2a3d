"""A student's rows, and the same answers as the teacher reads them, behind other turns of a user."""

from __future__ import annotations

import numpy as np

from runner.builders.language._rows.rendering import Side
from runner.builders.language._rows.token_rows import RowWriter, TokenRows

UNLIKE = "left out, as the teacher does not read all of its answer"


def aligned(student: Side, teacher: Side) -> tuple[Side, TokenRows]:
    """The rows of ``student`` whose answer the teacher has too, token by token, and those rows of the teacher.

    Rows belong together by line and by their order within it. A student's row may be cut: so is the teacher's answer
    then. The others are counted in the student's report.
    """
    found: dict[tuple[int, int], int] = {}
    for number, key in enumerate(_keys(teacher.groups)):
        found[key] = number
    kept, writer = [], RowWriter(student.cache)
    for number, key in enumerate(_keys(student.groups)):
        own, counted = student.rows.row(number)
        answer = [token for token, weight in zip(own, counted, strict=True) if weight > 0]
        taught = _behind(answer, *teacher.rows.row(found[key])) if key in found else None
        if taught is None:
            student.report.count(
                UNLIKE, key[0], "it ends behind the teacher's positions, or the template writes it otherwise there"
            )
            continue
        kept.append(number)
        writer.add(*taught)
    return student.only(np.array(kept, np.int64)), writer.done()


def _behind(answer: list[int], ids: list[int], weights: list[float]) -> tuple[list[int], list[float]] | None:
    """The teacher's row of which the answer's tokens count, and no more; None where it has others."""
    places = [place for place, weight in enumerate(weights) if weight > 0][: len(answer)]
    if not places or [ids[place] for place in places] != answer:
        return None
    last = places[-1] + 1
    counted = set(places)
    return ids[:last], [1.0 if place in counted else 0.0 for place in range(last)]


def _keys(groups: np.ndarray) -> list[tuple[int, int]]:
    """Line of every row, and how many of the same line are before it."""
    seen: dict[int, int] = {}
    found = []
    for line in groups.tolist():
        found.append((line, seen.get(line, 0)))
        seen[line] = found[-1][1] + 1
    return found
