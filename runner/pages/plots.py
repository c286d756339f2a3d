"""Plots as SVG text: numbers in, a string out. Colours and type come from the page's style sheet, by class name.

Every plot has a ``<title>``; its points show their values when pointed at, by CSS alone.
"""

from __future__ import annotations

import math
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
    nice_ticks,
    points,
    scale,
    side_by_side,
    tick_labels,
)
from runner.statistics.wilson_interval import wilson

#: Pixels of a column of intervals in a table of few columns and of many. The page's style sheet has them as
#: ``min-width``, less what is left free on the right.
COLUMN, NARROW_COLUMN = 142.0, 90.0
#: More points than this are thinned out: a screen has no more columns to draw them in.
MOST_POINTS = 400


def curve(
    x: np.ndarray,
    y: np.ndarray,
    title: str,
    x_label: str,
    best: int | None = None,
    reference: float | None = None,
    colour: str = "one",
) -> str:
    """A line of ``y`` over whole-numbered ``x`` (both float [n], n >= 1), ``best`` marking one x, ``reference`` a
    dashed level to compare with. Points that are not finite are left out."""
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    if not len(x):
        return frame(title, [f'<text class="empty" x="{WIDTH / 2}" y="{HEIGHT / 2}">no values</text>'])
    if len(x) > MOST_POINTS:
        keep = np.unique(np.linspace(0, len(x) - 1, MOST_POINTS).round().astype(int))
        if best is not None:
            keep = np.union1d(keep, np.flatnonzero(x == best))
        x, y = x[keep], y[keep]
    levels = np.append(y, reference) if reference is not None and math.isfinite(reference) else y
    y_ticks = nice_ticks(float(levels.min()), float(levels.max()))
    x_ticks = nice_ticks(float(x.min()), float(x.max()), 6, whole=True)
    left, right = (float(x.min()), float(x.max())) if x.max() > x.min() else (float(x[0]) - 1, float(x[0]) + 1)
    px, py = (
        scale(x, left, right, LEFT + 6, WIDTH - RIGHT - 6),
        scale(y, y_ticks[0], y_ticks[-1], HEIGHT - BOTTOM, TOP),
    )
    parts = grid(y_ticks)
    inside = x_ticks[(x_ticks >= left) & (x_ticks <= right)]
    across = scale(inside, left, right, LEFT + 6, WIDTH - RIGHT - 6).tolist()
    parts += below(across, tick_labels(inside), HEIGHT - BOTTOM + 16)
    parts.append(f'<text class="label" x="{LEFT}" y="{HEIGHT - 6}">{escape(x_label)}</text>')
    if reference is not None and math.isfinite(reference):
        at = float(scale(np.array([reference]), y_ticks[0], y_ticks[-1], HEIGHT - BOTTOM, TOP)[0])
        parts.append(f'<line class="reference" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
    line = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(px, py, strict=True))
    parts.append(f'<polyline class="line {colour}" points="{line}"/>')
    if best is not None and best in x:
        at = int(np.flatnonzero(x == best)[0])
        parts.append(f'<line class="best" x1="{px[at]:.1f}" x2="{px[at]:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(f'<circle class="mark {colour}" cx="{px[at]:.1f}" cy="{py[at]:.1f}" r="5"/>')
    readouts = [f"{x_label} {a:,.0f}: {b:.4g}" for a, b in zip(x, y, strict=True)]
    parts += points(px, py, readouts, colour, visible=len(x) <= 30)
    return frame(title, parts)


def reliability(
    predicted: np.ndarray, low: np.ndarray, high: np.ndarray, observed: np.ndarray, count: np.ndarray, title: str
) -> str:
    """A reliability diagram: per bin the mean predicted and the observed share (float [n], 0 to 1), with the 95 %
    Wilson interval of the share, over the bins' counts as bars. ``low`` and ``high`` are the bins' edges."""
    top, base, strip = TOP, HEIGHT + 40, 54
    height = base + strip + BOTTOM + 6
    floor = base + strip + 6
    ticks = np.linspace(0, 1, 6)
    parts = grid(ticks, base)
    across = scale(ticks, 0, 1, LEFT, WIDTH - RIGHT).tolist()
    parts += [f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{base}"/>' for at in across]
    parts += below(across, tick_labels(ticks), floor + 16)
    parts.append(f'<line class="reference" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base}" y2="{top}"/>')
    parts.append(f'<text class="label" x="{LEFT}" y="{height - 6}">predicted chance</text>')
    parts.append(f'<text class="tick end" x="{LEFT - 8}" y="{floor - strip + 24}">count</text>')
    largest = max(float(count.max()), 1.0) if len(count) else 1.0
    edges = scale(np.clip(np.stack([low, high]), 0, 1), 0, 1, LEFT, WIDTH - RIGHT)
    px = scale(np.clip(predicted, 0, 1), 0, 1, LEFT, WIDTH - RIGHT)
    py = scale(np.clip(observed, 0, 1), 0, 1, base, top)
    least, most = wilson(observed, count)
    whisker = scale(np.stack([least, most]), 0, 1, base, top)
    readouts = []
    for i in range(len(count)):
        tall = strip * float(count[i]) / largest
        x, wide = edges[0, i] + 1, max(float(edges[1, i] - edges[0, i]) - 2, 1.0)
        box = f'x="{x:.1f}" y="{floor - tall:.1f}" width="{wide:.1f}" height="{tall:.1f}"'
        ends = f'x1="{px[i]:.1f}" x2="{px[i]:.1f}" y1="{whisker[0, i]:.1f}" y2="{whisker[1, i]:.1f}"'
        parts.append(f'<rect class="bar" {box}/><line class="whisker" {ends}/>')
        readouts.append(f"predicted {predicted[i]:.2f}, observed {observed[i]:.2f}, n {count[i]:,.0f}")
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{floor}" y2="{floor}"/>')
    parts += points(px, py, readouts, "one", visible=True, height=height, floor=floor)
    return frame(title, parts, height)


def bar(value: float | None, domain: tuple[float, float], title: str) -> str:
    """One row of a bar chart over ``domain``, as wide as the cell it stands in: a bar from 0."""
    parts = [
        f'<line class="grid" x1="{at}%" x2="{at}%" y1="-100%" y2="200%"/>' for at in _percent(_inside(domain), domain)
    ]
    if value is not None:
        a, b = sorted(_percent(np.array([0.0, value]), domain))
        parts.append(f'<rect class="bar full" x="{a}%" y="3" width="{max(b - a, 0.2):.3f}%" height="12"/>')
    return f'<svg class="interval" role="img"><title>{escape(title)}</title>{"".join(parts)}</svg>'


def interval(
    value: float | None,
    low: float | None,
    high: float | None,
    domain: tuple[float, float],
    title: str,
    colour: str = "one",
) -> str:
    """One row of an interval plot over ``domain``, as wide as the cell it stands in: a dot with its bar."""
    # The lines reach out of the row, so that those of neighbouring rows meet.
    parts = [
        f'<line class="grid" x1="{at}%" x2="{at}%" y1="-100%" y2="200%"/>' for at in _percent(_inside(domain), domain)
    ]
    if low is not None and high is not None:
        a, b = _percent(np.array([low, high]), domain)
        parts.append(f'<line class="span {colour}" x1="{a}%" x2="{b}%" y1="50%" y2="50%"/>')
    if value is not None:
        at = _percent(np.array([value]), domain)[0]
        parts.append(f'<circle class="mark {colour}" cx="{at}%" cy="50%" r="4.5"/>')
    return f'<svg class="interval" role="img"><title>{escape(title)}</title>{"".join(parts)}</svg>'


def axis(domain: tuple[float, float], width: float = COLUMN) -> str:
    """The tick labels above a column of :func:`interval` rows that is ``width`` pixels wide: those that have room."""
    ticks = _inside(domain)
    labels, places = tick_labels(ticks), _percent(ticks, domain)
    parts = [
        f'<text class="{f"tick {side}".strip()}" x="{places[at]}%" y="12">{labels[at]}</text>'
        for at, side in side_by_side([place / 100 * width for place in places], labels, width)
    ]
    return f'<svg class="scale" aria-hidden="true">{"".join(parts)}</svg>'


def stretch(first: float, last: float, total: float, title: str) -> str:
    """When something happened within ``total`` seconds: a bar as wide as its cell."""
    a, b = _percent(np.array([first, last]), (0.0, max(total, 1e-9)))
    bar = f'<rect class="bar" x="{a}%" y="5" width="{max(b - a, 0.01):.3f}%" height="8"/>'
    dot = f'<circle class="mark one" cx="{a}%" cy="9" r="2.5"/>'
    return f'<svg class="interval" role="img"><title>{escape(title)}</title>{bar}{dot}</svg>'


def _inside(domain: tuple[float, float]) -> np.ndarray:
    """Few enough ticks that their labels fit above a narrow column."""
    for count in (4, 5, 6):
        ticks = nice_ticks(*domain, count)
        ticks = ticks[(ticks >= domain[0]) & (ticks <= domain[1])]
        if len(ticks) >= 3:
            break
    return ticks


def _percent(values: np.ndarray, domain: tuple[float, float]) -> list[float]:
    return [round(float(at), 3) for at in np.clip(scale(values, *domain, 0, 100), 0, 100)]
