"""Plots as SVG text: numbers in, a string out. Colours and type come from the page's style sheet, by class name.

Every plot has a ``<title>``; its points show their values when pointed at, by CSS alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import numpy as np

WIDTH, HEIGHT = 460, 250
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 12, 40
#: More points than this are thinned out: a screen has no more columns to draw them in.
MOST_POINTS = 400


def nice_ticks(low: float, high: float, count: int = 5, whole: bool = False) -> np.ndarray:
    """Round numbers that cover ``[low, high]``, about ``count`` of them, a step of 1, 2 or 5 times a power of ten
    apart (P. Heckbert, "Nice Numbers for Graph Labels", Graphics Gems, 1990). With ``whole`` no step is below 1."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return np.array([0.0, 1.0])
    low, high = min(low, high), max(low, high)
    largest = max(abs(low), abs(high))
    # Below this the numbers are one number to a float, and a step would vanish in it.
    if high - low <= max(largest * 1e-9, 1e-100):
        spread = largest * 0.1 if largest > 1e-90 else 1.0
        low, high = low - spread, high + spread
    rough = high / max(count - 1, 1) - low / max(count - 1, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    if whole:
        step = max(1.0, round(step))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return np.arange(first, last + 1) * step


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
        return _frame(title, [f'<text class="empty" x="{WIDTH / 2}" y="{HEIGHT / 2}">no values</text>'])
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
        _scale(x, left, right, LEFT + 6, WIDTH - RIGHT - 6),
        _scale(y, y_ticks[0], y_ticks[-1], HEIGHT - BOTTOM, TOP),
    )
    parts = _grid(y_ticks)
    inside = x_ticks[(x_ticks >= left) & (x_ticks <= right)]
    for at, label in zip(_scale(inside, left, right, LEFT + 6, WIDTH - RIGHT - 6), tick_labels(inside), strict=True):
        parts.append(f'<text class="tick mid" x="{at:.1f}" y="{HEIGHT - BOTTOM + 16}">{label}</text>')
    parts.append(f'<text class="label" x="{LEFT}" y="{HEIGHT - 6}">{escape(x_label)}</text>')
    if reference is not None and math.isfinite(reference):
        at = float(_scale(np.array([reference]), y_ticks[0], y_ticks[-1], HEIGHT - BOTTOM, TOP)[0])
        parts.append(f'<line class="reference" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
    line = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(px, py, strict=True))
    parts.append(f'<polyline class="line {colour}" points="{line}"/>')
    if best is not None and best in x:
        at = int(np.flatnonzero(x == best)[0])
        parts.append(f'<line class="best" x1="{px[at]:.1f}" x2="{px[at]:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(f'<circle class="mark {colour}" cx="{px[at]:.1f}" cy="{py[at]:.1f}" r="5"/>')
    readouts = [f"{x_label} {a:,.0f}: {b:.4g}" for a, b in zip(x, y, strict=True)]
    parts += _points(px, py, readouts, colour, visible=len(x) <= 30)
    return _frame(title, parts)


def reliability(
    predicted: np.ndarray, low: np.ndarray, high: np.ndarray, observed: np.ndarray, count: np.ndarray, title: str
) -> str:
    """A reliability diagram: per bin the mean predicted and the observed share (float [n], 0 to 1), with the 95 %
    Wilson interval of the share, over the bins' counts as bars. ``low`` and ``high`` are the bins' edges."""
    top, base, strip = TOP, HEIGHT + 40, 54
    height = base + strip + BOTTOM + 6
    floor = base + strip + 6
    ticks = np.linspace(0, 1, 6)
    parts = _grid(ticks, base)
    for at, label in zip(_scale(ticks, 0, 1, LEFT, WIDTH - RIGHT), tick_labels(ticks), strict=True):
        parts.append(f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{base}"/>')
        parts.append(f'<text class="tick mid" x="{at:.1f}" y="{floor + 16}">{label}</text>')
    parts.append(f'<line class="reference" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base}" y2="{top}"/>')
    parts.append(f'<text class="label" x="{LEFT}" y="{height - 6}">predicted chance</text>')
    parts.append(f'<text class="tick end" x="{LEFT - 8}" y="{floor - strip + 24}">count</text>')
    largest = max(float(count.max()), 1.0) if len(count) else 1.0
    edges = _scale(np.clip(np.stack([low, high]), 0, 1), 0, 1, LEFT, WIDTH - RIGHT)
    px = _scale(np.clip(predicted, 0, 1), 0, 1, LEFT, WIDTH - RIGHT)
    py = _scale(np.clip(observed, 0, 1), 0, 1, base, top)
    least, most = wilson(observed, count)
    whisker = _scale(np.stack([least, most]), 0, 1, base, top)
    readouts = []
    for i in range(len(count)):
        tall = strip * float(count[i]) / largest
        x, wide = edges[0, i] + 1, max(float(edges[1, i] - edges[0, i]) - 2, 1.0)
        box = f'x="{x:.1f}" y="{floor - tall:.1f}" width="{wide:.1f}" height="{tall:.1f}"'
        ends = f'x1="{px[i]:.1f}" x2="{px[i]:.1f}" y1="{whisker[0, i]:.1f}" y2="{whisker[1, i]:.1f}"'
        parts.append(f'<rect class="bar" {box}/><line class="whisker" {ends}/>')
        readouts.append(f"predicted {predicted[i]:.2f}, observed {observed[i]:.2f}, n {count[i]:,.0f}")
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{floor}" y2="{floor}"/>')
    parts += _points(px, py, readouts, "one", visible=True, height=height, floor=floor)
    return _frame(title, parts, height)


def agreement(
    predicted: np.ndarray, actual: np.ndarray, low: np.ndarray, high: np.ndarray, count: np.ndarray, title: str
) -> str:
    """Predicted against actual amounts (float [n], above 0, n >= 1) on logarithmic axes of one range, with a whisker
    from ``low`` to ``high`` of the actual ones; on the dashed line both are equal."""
    base = HEIGHT + 40
    whole = np.concatenate([predicted, actual, low, high])
    # No amount that is drawn is smaller or greater; what a file holds may be.
    whole = np.clip(whole[np.isfinite(whole) & (whole > 0)], 1e-3, 1e9)
    ticks = log_ticks(float(whole.min()), float(whole.max())) if len(whole) else np.array([1.0, 10.0])
    least, most = np.log(ticks[[0, -1]])

    def place(values: np.ndarray, start: float, end: float) -> np.ndarray:
        return _scale(np.log(np.clip(values, ticks[0], ticks[-1])), least, most, start, end)

    parts = []
    across, up = place(ticks, LEFT, WIDTH - RIGHT), place(ticks, base, TOP)
    for x, y, tick in zip(across, up, ticks, strict=True):
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{base}"/>')
        parts.append(f'<text class="tick end" x="{LEFT - 8}" y="{y + 4:.1f}">{tick:,g}</text>')
        parts.append(f'<text class="tick mid" x="{x:.1f}" y="{base + 16}">{tick:,g}</text>')
    parts.append(f'<line class="reference" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base}" y2="{TOP}"/>')
    parts.append(f'<text class="label" x="{LEFT}" y="{base + BOTTOM - 6}">predicted across, actual up</text>')
    px, py = place(predicted, LEFT, WIDTH - RIGHT), place(actual, base, TOP)
    ends = np.stack([place(low, base, TOP), place(high, base, TOP)])
    readouts = []
    for i in range(len(count)):
        line = f'x1="{px[i]:.1f}" x2="{px[i]:.1f}" y1="{ends[0, i]:.1f}" y2="{ends[1, i]:.1f}"'
        parts.append(f'<line class="whisker" {line}/>')
        readouts.append(f"predicted {predicted[i]:,.0f}, actual {actual[i]:,.0f}, n {count[i]:,.0f}")
    parts += _points(px, py, readouts, "one", visible=True, height=base + BOTTOM, floor=base)
    return _frame(title, parts, base + BOTTOM)


def log_ticks(low: float, high: float) -> np.ndarray:
    """Numbers 1, 2 and 5 times powers of ten that cover ``[low, high]``, both above 0; of powers alone, if many."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = (1, 2, 5) if last - first <= 3 else (1,)
    ticks = np.array([step * 10.0**power for power in range(first, last + 2) for step in steps])
    start = max(int(np.searchsorted(ticks, low * (1 + 1e-9), side="right")) - 1, 0)
    end = max(int(np.searchsorted(ticks, high * (1 - 1e-9), side="left")), start + 1)
    return ticks[start : end + 1]


def wilson(share: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The 95 % interval of a share seen in ``count`` trials (E. B. Wilson, JASA 22, 1927). Both float [n]."""
    z = 1.959963984540054
    n = np.maximum(count, 1)
    share = np.clip(share, 0, 1)
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)


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


def axis(domain: tuple[float, float]) -> str:
    """The tick labels above a column of :func:`interval` rows."""
    ticks = _inside(domain)
    parts = [
        f'<text class="tick mid" x="{at}%" y="12">{label}</text>'
        for at, label in zip(_percent(ticks, domain), tick_labels(ticks), strict=True)
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
    return [round(float(at), 3) for at in np.clip(_scale(values, *domain, 0, 100), 0, 100)]


def _scale(values: np.ndarray, low: float, high: float, start: float, end: float) -> np.ndarray:
    span = high / 2 - low / 2
    return start + (values / 2 - low / 2) / (span or 1.0) * (end - start)


def _grid(ticks: np.ndarray, base: float = HEIGHT - BOTTOM) -> list[str]:
    parts = []
    for at, label in zip(_scale(ticks, ticks[0], ticks[-1], base, TOP), tick_labels(ticks), strict=True):
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text class="tick end" x="{LEFT - 8}" y="{at + 4:.1f}">{label}</text>')
    return parts


def _points(
    px: np.ndarray,
    py: np.ndarray,
    readouts: Sequence[str],
    colour: str,
    visible: bool,
    height: float = HEIGHT,
    floor: float = HEIGHT - BOTTOM,
) -> list[str]:
    """Dots, each with a column as high as the plot that answers to the pointer and shows its readout."""
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


def _frame(title: str, parts: Sequence[str], height: float = HEIGHT) -> str:
    return (
        f'<svg class="plot" viewBox="0 0 {WIDTH} {height:.0f}" role="img"><title>{escape(title)}</title>'
        f"{''.join(parts)}</svg>"
    )
