"""Plots: round ticks that cover the range, points where they belong, small pictures of large data."""

from __future__ import annotations

import math
import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runner.pages import axes, plots, table_plots


def test_what_is_predicted_right_lies_on_the_dashed_line() -> None:
    amounts = np.array([3.0, 40.0, 700.0])
    drawn = table_plots.scatter(amounts, amounts, "t", ("predicted", "actual"), amounts / 2, amounts * 2)
    line = re.findall(r'reference" x1="(.*?)" x2="(.*?)" y1="(.*?)" y2="(.*?)"', drawn)[0]
    x1, x2, y1, y2 = map(float, line)
    for x, y in re.findall(r'cx="(.*?)" cy="(.*?)"', drawn):
        assert (float(x) - x1) / (x2 - x1) == pytest.approx((float(y) - y1) / (y2 - y1), abs=1e-3)


@pytest.mark.parametrize("amounts", [[1e14, 2e15], [1e-20, 1e-15], [1e-20, 1e20], [0.0, 1e300]])
def test_amounts_that_no_axis_of_logarithms_holds_are_drawn(amounts: list[float]) -> None:
    drawn = table_plots.scatter(np.array(amounts), np.array(amounts), "t", ("predicted", "actual"))
    assert drawn.count("<circle") == 2


@given(low=st.floats(1e-3, 1e9), factor=st.floats(1, 1e9))
def test_log_ticks_cover_the_range_and_are_few(low: float, factor: float) -> None:
    high = min(low * factor, 1e9)
    ticks = axes.log_ticks(low, high)
    assert ticks[0] <= low * (1 + 1e-6)
    assert ticks[-1] >= high * (1 - 1e-6)
    assert 2 <= len(ticks) <= 15
    assert (np.diff(ticks) > 0).all()
    assert {f"{tick:e}"[0] for tick in ticks} <= {"1", "2", "5"}


@example(low=1.0, span=5.960464477539063e-08, count=7)
@example(low=5e-324, span=5e-324, count=5)
@given(low=st.floats(-1e12, 1e12), span=st.floats(0, 1e12), count=st.integers(2, 10))
def test_ticks_are_round_and_cover_the_range(low: float, span: float, count: int) -> None:
    high = low + span
    ticks = axes.nice_ticks(low, high, count)
    steps = np.diff(ticks)
    step = steps[0]
    assert 2 <= len(ticks) <= 2 * count + 3
    assert step > 0
    assert ticks[0] <= low + 1e-6 * step + abs(low) * 1e-9
    assert ticks[-1] >= high - 1e-6 * step - abs(high) * 1e-9
    mantissa = step / 10.0 ** math.floor(math.log10(step))
    assert min(abs(mantissa - round_one) for round_one in (1, 2, 5, 10)) < 1e-4
    assert len(set(axes.tick_labels(ticks))) == len(ticks)


def test_ticks_of_a_known_range() -> None:
    assert axes.tick_labels(axes.nice_ticks(0.612, 0.871)) == ["0.6", "0.7", "0.8", "0.9"]
    assert axes.tick_labels(axes.nice_ticks(1, 10, 6, whole=True)) == ["0", "2", "4", "6", "8", "10"]
    assert axes.nice_ticks(0.0, 0.0).tolist() == [0.0, 0.5, 1.0]
    assert axes.tick_labels(axes.nice_ticks(-300, 250)) == ["-400", "-200", "0", "200", "400"]


@pytest.mark.parametrize(("right", "count"), [(50, 100), (0, 10), (10, 10), (1, 3)])
def test_wilson_intervals_agree_with_scipy(right: int, count: int) -> None:
    from scipy.stats import binomtest

    expected = binomtest(right, count).proportion_ci(method="wilson")
    low, high = plots.wilson(np.array([right / count]), np.array([float(count)]))
    np.testing.assert_allclose([low[0], high[0]], [expected.low, expected.high], atol=1e-12)


def test_ten_thousand_epochs_stay_a_small_picture() -> None:
    x = np.arange(1, 10_001, dtype=float)
    plot = plots.curve(x, np.sqrt(x), "many", "epoch", best=7777)
    assert plot.count('class="point"') <= plots.MOST_POINTS + 1
    assert "epoch 7,777" in plot


def boxes(drawn: str, y: str, width: float) -> list[tuple[float, float]]:
    """Where the labels of the ticks at a height begin and end, in pixels."""
    found = []
    for side, at, unit, label in re.findall(rf'class="tick ?(\w*)" x="([-0-9.e]+)(%?)" y="{y}">([^<]+)<', drawn):
        place = float(at) / 100 * width if unit else float(at)
        wide = axes.LETTER * len(label)
        start = place - {"": 0, "mid": wide / 2, "end": wide}[side]
        found.append((start, start + wide))
    return found


def stand_apart(found: list[tuple[float, float]], width: float) -> None:
    slack = axes.LETTER / 2
    assert not found or (found[0][0] > -slack and found[-1][1] < width + slack + 0.1)
    assert all(left[1] <= right[0] + 1e-3 for left, right in pairwise(found))


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.sampled_from([plots.COLUMN, plots.NARROW_COLUMN]))
@example(0.0, 1.0, plots.NARROW_COLUMN)
def test_the_labels_above_a_column_of_intervals_meet_neither_each_other_nor_the_next_column(low, span, width):
    stand_apart(boxes(plots.axis((low, low + span), width), "12", width), width)


@given(st.floats(0, 1e7), st.floats(1e-3, 1e7), st.integers(2, 60))
def test_the_labels_below_a_picture_meet_neither_each_other_nor_its_edge(low, span, count):
    x = np.linspace(low, low + span, count)
    flat, tall = str(axes.HEIGHT - axes.BOTTOM + 16), str(axes.HEIGHT + 40 + 16)
    for drawn, y in (
        (plots.curve(np.round(x), x, "t", "step"), flat),
        (table_plots.lines(x, {"a": x, "b": x}, "t", "x"), flat),
        (table_plots.histogram(x, np.arange(count, dtype=float), "t", ("edge", "count")), flat),
        (table_plots.scatter(x, x, "t", ("predicted", "actual")), tall),
    ):
        stand_apart(boxes(drawn, y, axes.WIDTH), axes.WIDTH)
