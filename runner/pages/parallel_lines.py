"""Parallel coordinates: an axis for each parameter, a line for each trial, coloured by how good it was."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from runner.pages.axes import HEIGHT, TOP
from runner.pages.html import Markup
from runner.pages.numbers import number

#: Pixels between two axes, above the lowest label, and to the left of the first axis.
APART, FOOT, EDGE = 130, 46, 60
#: Lines of the page's own colours, from the worst to the best.
COLOURS = ("#b8bec8", "#7da3d1", "#2f6fb5", "#0b3d77")


@dataclass(frozen=True)
class Axis:
    """One axis: its name, and what is at its ends."""

    name: str
    #: Named places along it, 0 (bottom) to 1 (top); of a range the two ends.
    ticks: Sequence[tuple[float, str]]
    #: The ends of a range; None of an axis of words.
    ends: tuple[float, float] | None = None


def parallel_lines(
    names: Sequence[str], rows: Sequence[Mapping[str, Any]], values: Sequence[float], metric: str, better: str
) -> Markup:
    """Rows as lines over the axes of ``names`` and a last one of ``metric``. ``values`` (as many as rows) are numbers;
    ``better`` is higher or lower. A row without a value for an axis is drawn over the axes that it has."""
    axes = [_axis(name, [row[name] for row in rows if name in row]) for name in names]
    columns = [*axes, _axis(metric, list(values))]
    width = EDGE * 2 + APART * (len(columns) - 1)
    parts: list[str] = []
    order = sorted(range(len(rows)), key=lambda at: values[at] if better == "higher" else -values[at])
    for rank, at in enumerate(order):
        ends = [_place(axis, rows[at].get(axis.name, _MISSING)) for axis in axes]
        ends.append(_place(columns[-1], values[at]))
        line = [(EDGE + APART * place, _y(end)) for place, end in enumerate(ends) if end is not None]
        colour = COLOURS[min(rank * len(COLOURS) // max(len(order), 1), len(COLOURS) - 1)]
        said = ", ".join(f"{name} {_said(rows[at][name])}" for name in names if name in rows[at])
        drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in line)
        wide = 2.5 if rank == len(order) - 1 else 1.3
        parts.append(
            f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="{wide}">'
            f"<title>{escape(said)}: {escape(metric)} {number(values[at])}</title></polyline>"
        )
    for place, axis in enumerate(columns):
        x = EDGE + APART * place
        parts.append(f'<line class="grid" x1="{x}" x2="{x}" y1="{TOP}" y2="{HEIGHT - FOOT}"/>')
        for height, label in axis.ticks:
            parts.append(f'<text class="tick" x="{x + 5}" y="{_y(height) + 4:.1f}">{escape(label)}</text>')
        parts.append(f'<text class="label mid" x="{x}" y="{HEIGHT - 14}">{escape(axis.name)}</text>')
    title = f"Parameters and {metric} of {len(rows)} trials"
    return Markup(
        f'<svg viewBox="0 0 {width} {HEIGHT}" role="img" style="max-width: {width}px">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


_MISSING = object()


def _y(height: float) -> float:
    return HEIGHT - FOOT - height * (HEIGHT - FOOT - TOP)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _axis(name: str, values: Sequence[Any]) -> Axis:
    if values and all(_is_number(value) for value in values):
        low, high = min(values), max(values)
        ticks = [(0.5, number(low))] if low == high else [(0.0, number(low)), (1.0, number(high))]
        return Axis(name, ticks, (float(low), float(high)))
    labels = sorted({_said(value) for value in values})
    last = max(len(labels) - 1, 1)
    return Axis(name, [(at / last if len(labels) > 1 else 0.5, label) for at, label in enumerate(labels)])


def _place(axis: Axis, value: Any) -> float | None:
    if value is _MISSING:
        return None
    if axis.ends is None:
        return next((height for height, label in axis.ticks if label == _said(value)), None)
    low, high = axis.ends
    return (float(value) - low) / (high - low) if high > low else 0.5


def _said(value: Any) -> str:
    if _is_number(value):
        return str(number(value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
