"""Short rows that share a line: which go together, and a batch of them in which none sees another."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence

import numpy as np

from runner.builders.language._rows.token_rows import Batch, TokenRows


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


def packed(whole: TokenRows, bins: Sequence[np.ndarray], padding: int, device: str) -> Batch:
    """Bins of rows as one batch: the rows of a bin one behind the other, each with positions from 0.

    A model sees by the positions where a row begins, and no row sees another. Padding is rows of one token each.
    """
    width = max(int(whole.lengths[rows].sum()) for rows in bins)
    ids = np.full((len(bins), width), padding, np.int64)
    weights = np.zeros((len(bins), width), np.float32)
    positions = np.zeros((len(bins), width), np.int64)
    for line, rows in enumerate(bins):
        at = 0
        for row in rows:
            start, stop = int(whole.tokens.ends[row]), int(whole.tokens.ends[row + 1])
            until = at + stop - start
            ids[line, at:until] = whole.tokens.ids[start:stop]
            weights[line, at:until] = whole.weights[start:stop]
            positions[line, at:until] = np.arange(stop - start)
            at = until
    return Batch.on(device, ids, None, weights, positions)
