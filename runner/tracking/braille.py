"""A curve in a few lines of text: two by four dots a character, as Unicode's braille patterns have them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

#: The bit of each dot of a braille character, by its row and column (Unicode, "Braille Patterns", U+2800).
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
EMPTY = 0x2800


def curve(values: Sequence[float], width: int, height: int) -> list[str]:
    """``height`` lines of ``width`` characters: the values from left to right, the greatest on top.

    More values than there is room for are means of neighbours; fewer are drawn apart, with lines between them. Values
    that are all alike are a line in the middle.
    """
    across, down = width * 2, height * 4
    cells = [[EMPTY] * width for _ in range(height)]
    if not values or width < 1 or height < 1:
        return ["".join(map(chr, row)) for row in cells]
    shown = _fitted(values, across)
    low, high = min(shown), max(shown)
    span = high - low

    def row_of(value: float) -> int:
        return down // 2 if not span else round((high - value) / span * (down - 1))

    def dot(x: int, y: int) -> None:
        cells[y // 4][x // 2] |= DOTS[y % 4][x % 2]

    places = [round(at * (across - 1) / max(1, len(shown) - 1)) for at in range(len(shown))]
    before: tuple[int, int] | None = None
    for x, value in zip(places, shown, strict=True):
        y = row_of(value)
        if before is not None:
            steps = max(abs(x - before[0]), abs(y - before[1]), 1)
            for step in range(steps + 1):
                share = step / steps
                dot(round(before[0] + (x - before[0]) * share), round(before[1] + (y - before[1]) * share))
        dot(x, y)
        before = (x, y)
    return ["".join(map(chr, row)) for row in cells]


def _fitted(values: Sequence[float], most: int) -> list[float]:
    if len(values) <= most:
        return list(values)
    edges = [round(at * len(values) / most) for at in range(most + 1)]
    return [sum(values[a:b]) / (b - a) for a, b in pairwise(edges) if b > a]
