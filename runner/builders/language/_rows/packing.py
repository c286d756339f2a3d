"""Short rows put together into bins of a fixed length."""

from __future__ import annotations

from bisect import bisect_left, insort

import numpy as np


def bins_of(lengths: np.ndarray, capacity: int) -> list[np.ndarray]:
    """Rows put into bins of at most ``capacity`` tokens: best fit decreasing (Johnson, 1973). Row numbers by bin.

    The longest row comes first and goes into the fullest bin that has room for it. ``lengths`` is int ``[n]``, none
    above the capacity. The same lengths give the same bins.
    """
    found: list[list[int]] = []
    #: (room, bin), sorted: the first with enough room is the fullest.
    rooms: list[tuple[int, int]] = []
    for row in np.argsort(-lengths, kind="stable").tolist():
        length = int(lengths[row])
        at = bisect_left(rooms, (length, -1))
        if at == len(rooms):
            found.append([row])
            insort(rooms, (capacity - length, len(found) - 1))
            continue
        room, which = rooms.pop(at)
        found[which].append(row)
        insort(rooms, (room - length, which))
    return [np.array(sorted(rows), np.int64) for rows in found]
