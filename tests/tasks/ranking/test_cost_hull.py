"""Quality over cost: the hull, AIQ and the cost of a quality, in closed form and against all pairs of policies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.tasks.ranking.cost_hull import Hull, corners, least_reaching


def hull(*points: tuple[float, float]) -> Hull:
    cost, quality = np.array(points, float).T
    return Hull.of(cost[None], quality[None])


def aiq(found: Hull, low: float, high: float) -> float:
    return float(found.mean_quality(np.array([low]), np.array([high]))[0])


def test_the_area_of_two_policies_is_that_of_their_mixtures():
    assert aiq(hull((0, 0.2), (4, 1.0)), 0, 4) == pytest.approx(0.6)
    assert aiq(hull((1, 0.2), (5, 1.0)), 1, 5) == pytest.approx(0.6)


def test_what_is_dearer_and_worse_or_below_a_mixture_counts_for_nothing():
    two = hull((0, 0.0), (4, 1.0))
    assert aiq(hull((0, 0.0), (2, 0.4), (4, 1.0), (3, 0.1)), 0, 4) == aiq(two, 0, 4) == pytest.approx(0.5)


def test_a_better_policy_in_the_middle_raises_it_and_the_hull_does_not_fall_behind_it():
    # A triangle and a rectangle: (0 to 1) rises to 1, (1 to 4) stays there.
    found = hull((0, 0.0), (1, 1.0), (4, 0.5))
    assert aiq(found, 0, 4) == pytest.approx((0.5 + 3) / 4)
    assert found.cost_at(np.array([0.5]))[0] == pytest.approx(0.5)
    assert np.isinf(found.cost_at(np.array([1.1]))[0])


def test_of_two_at_one_cost_the_better_counts_and_without_a_range_there_is_no_area():
    assert aiq(hull((0, 0.1), (0, 0.5), (2, 0.5)), 0, 2) == pytest.approx(0.5)
    assert np.isnan(aiq(hull((1, 0.1), (1, 0.5)), 1, 1))


def test_samples_are_worked_on_at_once_and_apart():
    cost, quality = np.array([[0, 1, 4], [0, 1, 4]], float), np.array([[0, 1, 0.5], [0, 0.1, 1]], float)
    found = Hull.of(cost, quality)
    both = found.mean_quality(np.zeros(2), np.full(2, 4.0))
    assert both == pytest.approx([3.5 / 4, 0.5])


def test_corners_are_policies_from_the_cheapest_to_the_best():
    assert corners(np.array([4.0, 1, 2, 3]), np.array([0.9, 0.2, 0.8, 0.3])) == [1, 2, 0]
    assert corners(np.array([1.0, 2]), np.array([0.9, 0.2])) == [0]
    assert corners(np.array([1.0, 2, 3]), np.array([0.5, 0.9, 0.9])) == [0, 1]


def test_the_least_cost_is_read_off_between_two_points():
    x, y = np.array([[0.0, 2, 4]]), np.array([[0.0, 1, 2]])
    assert least_reaching(x, y, np.array([1.5])) == pytest.approx([3])
    assert least_reaching(x, y, np.array([-1.0])) == pytest.approx([0])


numbers = st.integers(0, 8).map(float)


@given(points=st.lists(st.tuples(numbers, numbers), min_size=1, max_size=7), at=st.floats(0, 8))
def test_the_hull_is_the_best_of_all_mixtures_of_two(points, at):
    cost, quality = np.array(points, float).T
    found = hull(*points)
    if at < cost.min():
        return
    best = quality[cost <= at].max()
    for x0, y0 in points:
        for x1, y1 in points:
            if x0 <= at < x1:
                best = max(best, y0 + (y1 - y0) * (at - x0) / (x1 - x0))
    # The height just right of a corner, read off as the mean of a narrow strip.
    width = 1e-6
    assert aiq(found, at, at + width) == pytest.approx(best, abs=1e-4)
