"""Plots of what a table may hold, as SVG text: several lines, points of one amount over another, a histogram."""

from __future__ import annotations

from html import escape

import numpy as np

from runner.pages.axes import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    below,
    frame,
    grid,
    log_ticks,
    nice_ticks,
    points,
    scale,
    tick_labels,
)
from runner.pages.numbers import number
from runner.pages.plots import MOST_POINTS

#: The classes of lines that are drawn together, in their order.
COLOURS = ("one", "two", "three", "four", "five", "six")


def lines(x: np.ndarray, each: dict[str, np.ndarray], title: str, x_label: str) -> str:
    """Several lines over one ``x``: float [n], and for each name float [n]. What is not finite is left out.

    The lines have the classes of :data:`COLOURS`, in their order.
    """
    keep = np.isfinite(x)
    if keep.sum() > MOST_POINTS:
        keep[np.setdiff1d(np.arange(len(x)), np.linspace(0, len(x) - 1, MOST_POINTS).round().astype(int))] = False
    order = np.argsort(x[keep], kind="stable")
    x, each = x[keep][order], {name: y[keep][order] for name, y in each.items()}
    levels = np.concatenate([y[np.isfinite(y)] for y in each.values()]) if each else np.empty(0)
    if not len(levels):
        return frame(title, [f'<text class="empty" x="{WIDTH / 2}" y="{HEIGHT / 2}">no values</text>'])
    up = nice_ticks(float(levels.min()), float(levels.max()))
    left, right = (float(x[0]), float(x[-1])) if x[-1] > x[0] else (float(x[0]) - 1, float(x[0]) + 1)
    ticks = nice_ticks(left, right, 6, whole=bool((x == x.round()).all()))
    ticks = ticks[(ticks >= left) & (ticks <= right)]
    px = scale(x, left, right, LEFT + 6, WIDTH - RIGHT - 6)
    parts = grid(up)
    across = scale(ticks, left, right, LEFT + 6, WIDTH - RIGHT - 6).tolist()
    parts += below(across, tick_labels(ticks), HEIGHT - BOTTOM + 16)
    parts.append(f'<text class="label" x="{LEFT}" y="{HEIGHT - 6}">{escape(x_label)}</text>')
    readouts = [f"{x_label} {number(value)}:" for value in x.tolist()]
    for colour, (name, y) in zip(COLOURS, each.items(), strict=False):
        py = scale(y, up[0], up[-1], HEIGHT - BOTTOM, TOP)
        known = np.isfinite(y)
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(px[known], py[known], strict=True))
        parts.append(f'<polyline class="line {colour}" points="{path}"/>')
        for i in np.flatnonzero(known):
            readouts[i] += f" {name} {number(float(y[i]))}" if len(each) > 1 else f" {number(float(y[i]))}"
    # The first line's points answer for all of them.
    first = scale(np.nan_to_num(next(iter(each.values())), nan=float(up[0])), up[0], up[-1], HEIGHT - BOTTOM, TOP)
    parts += points(px, first, readouts, COLOURS[0], visible=False)
    return frame(title, parts)


def scatter(
    x: np.ndarray,
    y: np.ndarray,
    title: str,
    names: tuple[str, str],
    low: np.ndarray | None = None,
    high: np.ndarray | None = None,
) -> str:
    """Points of ``y`` over ``x`` (float [n], n >= 1) on axes of one range; on the dashed line both are equal.

    ``names`` are those of x and y, ``low`` and ``high`` the ends of whiskers. The axes are logarithmic where all
    amounts are above 0 and the largest is at least 20 times the smallest. Above ``MOST_POINTS`` points every n-th is
    drawn, and none answers to the pointer.
    """
    base = HEIGHT + 40
    whole = np.concatenate([x, y, *(end for end in (low, high) if end is not None)])
    whole = whole[np.isfinite(whole)]
    smallest, largest = (float(whole.min()), float(whole.max())) if len(whole) else (0.0, 1.0)
    # No amount that is drawn on logarithmic axes is smaller or greater; what a file holds may be.
    least, most = max(smallest, 1e-12), min(largest, 1e12)
    logs = smallest > 0 and most >= 20 * least
    ticks = log_ticks(least, most) if logs else nice_ticks(smallest, largest)
    least, most = (np.log(ticks[0]), np.log(ticks[-1])) if logs else (ticks[0], ticks[-1])

    def place(values: np.ndarray, start: float, end: float) -> np.ndarray:
        inside = np.clip(values, ticks[0], ticks[-1])
        return scale(np.log(inside) if logs else inside, least, most, start, end)

    parts = []
    across, up = place(ticks, LEFT, WIDTH - RIGHT), place(ticks, base, TOP)
    labels = _short(ticks) if logs else tick_labels(ticks)
    for at, to, said in zip(across, up, labels, strict=True):
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{to:.1f}" y2="{to:.1f}"/>')
        parts.append(f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{base}"/>')
        parts.append(f'<text class="tick end" x="{LEFT - 8}" y="{to + 4:.1f}">{said}</text>')
    parts += below(across.tolist(), labels, base + 16)
    parts.append(f'<line class="reference" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base}" y2="{TOP}"/>')
    said = escape(f"{names[0]} across, {names[1]} up")
    parts.append(f'<text class="label" x="{LEFT}" y="{base + BOTTOM - 6}">{said}</text>')
    if len(x) > MOST_POINTS:
        step = -(-len(x) // (4 * MOST_POINTS))
        for px, py in zip(place(x[::step], LEFT, WIDTH - RIGHT), place(y[::step], base, TOP), strict=True):
            parts.append(f'<circle class="mark many one" cx="{px:.1f}" cy="{py:.1f}" r="2.5"/>')
        return frame(title, parts, base + BOTTOM)
    px, py = place(x, LEFT, WIDTH - RIGHT), place(y, base, TOP)
    if low is not None and high is not None:
        ends = np.stack([place(low, base, TOP), place(high, base, TOP)])
        for i in range(len(x)):
            line = f'x1="{px[i]:.1f}" x2="{px[i]:.1f}" y1="{ends[0, i]:.1f}" y2="{ends[1, i]:.1f}"'
            parts.append(f'<line class="whisker" {line}/>')
    readouts = [f"{names[0]} {number(a)}, {names[1]} {number(b)}" for a, b in zip(x, y, strict=True)]
    parts += points(px, py, readouts, "one", visible=True, height=base + BOTTOM, floor=base)
    return frame(title, parts, base + BOTTOM)


def histogram(left: np.ndarray, count: np.ndarray, title: str, labels: tuple[str, str]) -> str:
    """Bars of ``count`` from each ``left`` edge to the next (float [n], n >= 1, ascending); the last is as wide as the
    one before. ``labels`` are the names of the edges and of the counts."""
    width = float(left[-1] - left[-2]) if len(left) > 1 else 1.0
    right = np.append(left[1:], left[-1] + (width or 1.0))
    up = nice_ticks(0.0, max(float(count.max()), 1.0))
    start, end = float(left[0]), float(right[-1])
    ticks = nice_ticks(start, end, 6)
    ticks = ticks[(ticks >= start) & (ticks <= end)]
    parts = grid(up)
    parts += below(scale(ticks, start, end, LEFT, WIDTH - RIGHT).tolist(), tick_labels(ticks), HEIGHT - BOTTOM + 16)
    parts.append(
        f'<text class="label" x="{LEFT}" y="{HEIGHT - 6}">{escape(f"{labels[0]} across, {labels[1]} up")}</text>'
    )
    edges = scale(np.stack([left, right]), start, end, LEFT, WIDTH - RIGHT)
    tops = scale(count, up[0], up[-1], HEIGHT - BOTTOM, TOP)
    for i in range(len(left)):
        wide = max(float(edges[1, i] - edges[0, i]) - 1, 0.5)
        box = f'x="{edges[0, i]:.1f}" y="{tops[i]:.1f}" width="{wide:.1f}" height="{HEIGHT - BOTTOM - tops[i]:.1f}"'
        parts.append(f'<rect class="bar full" {box}/>')
    readouts = [
        f"{number(a)} to {number(b)}: {number(c)} {labels[1]}" for a, b, c in zip(left, right, count, strict=True)
    ]
    parts += points(edges.mean(axis=0), tops, readouts, "one", visible=False)
    return frame(title, parts)


def _short(ticks: np.ndarray) -> list[str]:
    """Labels of logarithmic ticks: all of them while they are few, then those that are powers of ten."""
    powers = [bool(abs(np.log10(tick) - round(np.log10(tick))) < 1e-9) for tick in ticks]
    kept = powers if len(ticks) > 7 and sum(powers) > 1 else [True] * len(ticks)
    return [_amount(float(tick)) if keep else "" for tick, keep in zip(ticks, kept, strict=True)]


def _amount(tick: float) -> str:
    """``0.05``, ``200``, ``50k``, ``2M``, ``1e+12``"""
    for size, sign in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size <= tick < 1e12:
            return f"{tick / (1e3 if sign == 'k' else size):g}{sign}"
    return f"{tick:,g}"
