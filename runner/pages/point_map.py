"""Named points on a plane, as SVG text: both axes on one scale, so that distances mean something, and no name on
another.

A name stands at the first place near its point that is free of names and points, by rings around the point, the most
crowded points first (the greedy point-feature labelling of Christensen, Marks and Shieber, 1995). Away from its point a
line leads to it; where nothing is free the point has no name, and answers to the pointer like all others.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

import numpy as np

WIDTH, LEAST, MOST = 860.0, 360.0, 640.0
#: Around the points: names of those at the edge have room.
AIR = 46.0
#: A name's height, and what a letter takes; longer names are cut.
TALL, LETTER, LONGEST = 13.0, 6.4, 30
RADIUS = 4.0
RINGS = (9.0, 17.0, 28.0, 42.0, 60.0, 82.0, 108.0)
#: Directions in degrees, the most readable first: right, left, up, down, and between.
DIRECTIONS = (0, 180, 90, 270, 45, 135, 315, 225, 20, 160, 340, 200)
#: A name farther from its point than this has a line to it.
LED = 14.0

Box = tuple[float, float, float, float]


def point_map(x: np.ndarray, y: np.ndarray, names: Sequence[str], title: str) -> str:
    """Points float ``[n]`` and ``[n]``, n >= 1, each with its name."""
    px, py, height = _placed(x, y)
    texts = [_short(name) for name in names]
    boxes = _boxes(px, py, texts, height)
    lines, dots, words = [], [], []
    for at, name in enumerate(names):
        box = boxes[at]
        if box is not None:
            left, top, right, bottom = box
            ends = min(max(px[at], left), right), min(max(py[at], top), bottom)
            if math.dist(ends, (px[at], py[at])) > LED:
                lines.append(
                    f'<line class="leader" x1="{px[at]:.1f}" y1="{py[at]:.1f}" x2="{ends[0]:.1f}" y2="{ends[1]:.1f}"/>'
                )
            words.append(_word(texts[at], box, float(px[at])))
        dots.append(
            f'<circle class="mark one" cx="{px[at]:.1f}" cy="{py[at]:.1f}" r="{RADIUS}">'
            f"<title>{escape(name)}</title></circle>"
        )
    return (
        f'<svg class="plot wide" viewBox="0 0 {WIDTH:.0f} {height:.0f}" role="img"><title>{escape(title)}</title>'
        f"{''.join([*lines, *dots, *words])}</svg>"
    )


def _word(text: str, box: Box, x: float) -> str:
    """The name in its box. It is held at the side of its point: how wide it is drawn is the browser's matter."""
    left, _, right, bottom = box
    if right <= x:
        css, at = "name end", right - 2
    elif left >= x:
        css, at = "name", left + 2
    else:
        css, at = "name mid", (left + right) / 2
    return f'<text class="{css}" x="{at:.1f}" y="{bottom - 3:.1f}">{escape(text)}</text>'


def _short(name: str) -> str:
    """A name without its middle, where it is long: LLMs of one family differ at the end."""
    if len(name) <= LONGEST:
        return name
    end = LONGEST * 2 // 5
    return f"{name[: LONGEST - 1 - end]}…{name[-end:]}"


def _placed(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Where the points lie in the picture, and how high that is."""
    wide, tall = float(np.ptp(x)), float(np.ptp(y))
    factor = min((WIDTH - 2 * AIR) / wide if wide else math.inf, (MOST - 2 * AIR) / tall if tall else math.inf)
    factor = factor if math.isfinite(factor) else 1.0
    height = max(LEAST, tall * factor + 2 * AIR)
    middle = (float(x.min()) + wide / 2, float(y.min()) + tall / 2)
    return WIDTH / 2 + (x - middle[0]) * factor, height / 2 - (y - middle[1]) * factor, height


def _boxes(px: np.ndarray, py: np.ndarray, texts: Sequence[str], height: float) -> list[Box | None]:
    """A place for every name, left, top, right and bottom; None where none is free."""
    dots = np.stack([px - RADIUS, py - RADIUS, px + RADIUS, py + RADIUS], axis=1)
    near = (np.hypot(px[:, None] - px, py[:, None] - py) < RINGS[-1]).sum(axis=1)
    taken = dots
    found: list[Box | None] = [None] * len(texts)
    for at in np.argsort(-near, kind="stable").tolist():
        for box in _places(float(px[at]), float(py[at]), texts[at]):
            left, top, right, bottom = box
            inside = left >= 0 and right <= WIDTH and top >= 0 and bottom <= height
            hit = (taken[:, 0] < right) & (taken[:, 2] > left) & (taken[:, 1] < bottom) & (taken[:, 3] > top)
            if inside and not hit.any():
                found[at] = box
                taken = np.concatenate([taken, [box]])
                break
    return found


def _places(x: float, y: float, text: str) -> Iterator[Box]:
    """Where the name of the point may stand, the best first."""
    wide = len(text) * LETTER + 4
    for ring in RINGS:
        for degrees in DIRECTIONS:
            across, up = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
            # The nearest point of the name lies on the ring.
            left = x + across * ring + wide * (across - 1) / 2
            top = y - up * ring - TALL * (up + 1) / 2
            yield left, top, left + wide, top + TALL
