"""What every plot is drawn on: round ticks, a linear scale, the grid, points that answer to the pointer, the frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from itertools import pairwise

import numpy as np

WIDTH, HEIGHT = 460, 250
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 12, 40
#: Pixels that a letter of a tick's label takes at most.
LETTER = 7.0


def nice_ticks(low: float, high: float, count: int = 5, whole: bool = False) -> np.ndarray:
    """Round numbers that cover ``[low, high]``, about ``count`` of them, a step of 1, 2 or 5 times a power of ten
    apart (P. Heckbert, "Nice Numbers for Graph Labels", Graphics Gems, 1990). With ``whole`` no step is below 1."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return np.array([0.0, 1.0])
    low, high = min(low, high), max(low, high)
    largest = max(abs(low), abs(high))
    # Below this the numbers are one number to a float, and a step would vanish in it.
    if high - low <= max(largest * 1e-9, 1e-100):
        # Shares and counts that are all 0 are never below it.
        low, high = (low - largest * 0.1, high + largest * 0.1) if largest > 1e-90 else (0.0, 1.0)
    rough = high / max(count - 1, 1) - low / max(count - 1, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    if whole:
        step = max(1.0, float(round(step)))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return np.arange(first, last + 1) * step


def log_ticks(low: float, high: float) -> np.ndarray:
    """Numbers 1, 2 and 5 times powers of ten that cover ``[low, high]``, both above 0; of powers alone, if many."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = (1, 2, 5) if last - first <= 3 else (1,)
    ticks = np.array([step * 10.0**power for power in range(first, last + 2) for step in steps])
    start = max(int(np.searchsorted(ticks, low * (1 + 1e-9), side="right")) - 1, 0)
    end = max(int(np.searchsorted(ticks, high * (1 - 1e-9), side="left")), start + 1)
    return ticks[start : end + 1]


def tick_labels(ticks: np.ndarray) -> list[str]:
    """The ticks as text, with as many decimals as their step needs."""
    if not len(ticks):
        return []
    step = float(ticks[1] - ticks[0]) if len(ticks) > 1 else abs(float(ticks[0])) or 1.0
    largest = max(abs(float(ticks[0])), abs(float(ticks[-1])))
    if largest >= 1e6 or step < 1e-5:
        digits = max(3, math.ceil(math.log10(max(largest / step, 1.0))) + 1)
        return [f"{tick:.{digits}g}" for tick in ticks]
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return [f"{tick + 0.0:,.{decimals}f}" for tick in ticks]


def side_by_side(places: Sequence[float], labels: Sequence[str], room: float) -> list[tuple[int, str]]:
    """Which of the labels of an axis have room, by their numbers, and the class of each: how it stands at its tick.

    ``places`` are pixels from 0 to ``room``, ascending. A label has its middle at the tick (``mid``); where it would
    leave the axis it begins there (no class) or ends there (``end``), and where that is no help it is left out. Every
    second, third, ... is kept where all of them would meet.
    """
    found = []
    for at, (place, label) in enumerate(zip(places, labels, strict=True)):
        wide = len(label) * LETTER
        for side, start in (("mid", place - wide / 2), ("", place), ("end", place - wide)):
            # Half a letter beyond the edge meets nothing.
            if label and start > -LETTER / 2 and start + wide < room + LETTER / 2:
                found.append((at, side, start, start + wide))
                break
    kept = found
    for every in range(1, len(found) + 1):
        kept = found[::every]
        if all(one[3] + LETTER <= two[2] for one, two in pairwise(kept)):
            break
    return [(at, side) for at, side, _, _ in kept]


def below(places: Sequence[float], labels: Sequence[str], y: float, room: float = WIDTH) -> list[str]:
    """The labels of the ticks of a picture's lower axis, at these pixels of its width, ``room``."""
    return [
        f'<text class="{f"tick {side}".strip()}" x="{places[at]:.1f}" y="{y}">{labels[at]}</text>'
        for at, side in side_by_side(places, labels, room)
    ]


def scale(values: np.ndarray, low: float, high: float, start: float, end: float) -> np.ndarray:
    """``values`` from ``[low, high]`` onto ``[start, end]`` of the picture. A span of 0 puts all at ``start``."""
    # Halves, because the difference of two finite numbers may overflow.
    span = high / 2 - low / 2
    return start + (values / 2 - low / 2) / (span or 1.0) * (end - start)


def grid(ticks: np.ndarray, base: float = HEIGHT - BOTTOM) -> list[str]:
    """Horizontal lines with their labels, for ticks that go from the bottom to the top of the plot."""
    parts = []
    for at, label in zip(scale(ticks, ticks[0], ticks[-1], base, TOP), tick_labels(ticks), strict=True):
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text class="tick end" x="{LEFT - 8}" y="{at + 4:.1f}">{label}</text>')
    return parts


def points(
    px: np.ndarray,
    py: np.ndarray,
    readouts: Sequence[str],
    colour: str,
    visible: bool,
    height: float = HEIGHT,
    floor: float = HEIGHT - BOTTOM,
) -> list[str]:
    """Dots with their readouts. Each dot has a column of the plot: pointing at the column shows the readout."""
    order = np.argsort(px, kind="stable")
    middles = (px[order][1:] + px[order][:-1]) / 2
    starts = np.concatenate([[LEFT], middles])
    ends = np.concatenate([middles, [WIDTH - RIGHT]])
    parts = []
    for place, i in enumerate(order):
        wide = max(float(ends[place] - starts[place]), 0.1)
        text = escape(readouts[i])
        parts.append(
            f'<g class="point"><rect x="{starts[place]:.1f}" y="{TOP}" width="{wide:.1f}" height="{floor - TOP:.1f}"/>'
            f'<circle class="dot {colour}{"" if visible else " faint"}" cx="{px[i]:.1f}" cy="{py[i]:.1f}" r="3"/>'
            f'<text class="readout" x="{WIDTH - RIGHT}" y="{height - 6}">{text}</text></g>'
        )
    return parts


def frame(title: str, parts: Sequence[str], height: float = HEIGHT) -> str:
    """The picture around its parts, with its title for those who do not see it."""
    return (
        f'<svg class="plot" viewBox="0 0 {WIDTH} {height:.0f}" role="img"><title>{escape(title)}</title>'
        f"{''.join(parts)}</svg>"
    )
