"""Choosing under costs, against brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from runner.tasks.ranking.llm_choice import (
    by_rate,
    by_threshold,
    by_ties,
    curve,
    mean_of,
    order_by_rate,
    quality,
    threshold_for_share,
    ties_at_share,
    within_budget,
)

UNIT = st.floats(0, 1, width=32)
TABLES = st.tuples(st.integers(1, 4), st.integers(1, 5)).flatmap(
    lambda shape: st.tuples(hnp.arrays(np.float64, shape, elements=UNIT), hnp.arrays(np.float64, shape, elements=UNIT))
)


def test_quality_is_the_mean_chance_against_the_others():
    scores = np.array([[1.0, 0.0], [0.0, 0.0], [-1.0, 0.0]])
    table = quality(scores, 0.5)
    expected = (1 / (1 + np.exp(-2.0)) + 1 / (1 + np.exp(-4.0))) / 2
    assert table[0, 0] == pytest.approx(expected)
    assert table[:, 1] == pytest.approx([0.5] * 3)
    assert table.sum(axis=0) == pytest.approx([1.5, 1.5])
    assert quality(scores[:1], 1.0) == pytest.approx(np.full((1, 2), 0.5))


@given(TABLES, st.floats(0, 10))
def test_a_rate_chooses_the_best_value_and_of_equals_the_cheapest(tables, rate):
    worth, cost = tables
    chosen = by_rate(worth, cost, rate).chosen
    value = worth - rate * cost
    for prompt, number in enumerate(chosen):
        assert value[number, prompt] >= value[:, prompt].max() - 1e-12
        equal = np.flatnonzero(value[:, prompt] == value[number, prompt])
        assert cost[number, prompt] <= cost[equal, prompt].min()


@given(TABLES, st.floats(0, 10))
def test_the_order_of_one_prompt_is_what_is_chosen_among_those_that_are_left(tables, rate):
    worth, cost = (table[:, 0] for table in tables)
    left = list(range(len(worth)))
    for first in order_by_rate(worth.tolist(), cost.tolist(), rate):
        assert first == left[by_rate(worth[left, None], cost[left, None], rate).chosen[0]]
        left.remove(first)
    assert not left


@settings(max_examples=60, deadline=None)
@given(TABLES, st.floats(0, 1))
@example((np.zeros((1, 1)), np.ones((1, 1))), 1 - 2**-53)
def test_a_budget_is_kept_and_no_choice_by_rate_within_it_is_better(tables, budget):
    worth, cost = tables
    assume(worth.size <= 12)
    found = within_budget(worth, cost, budget)
    cheapest = cost.min(axis=0).mean()
    if found is None:
        assert cheapest > budget
        return
    assert mean_of(cost, found.chosen) <= budget * (1 + 1e-9)
    # What no choice at all could beat: the best by exhaustion is at most the bound that the rate proves.
    best = max(
        mean_of(worth, np.array(some))
        for some in itertools.product(range(len(worth)), repeat=worth.shape[1])
        if mean_of(cost, np.array(some)) <= budget * (1 + 1e-12)
    )
    gap = found.rate * (budget - mean_of(cost, found.chosen))
    assert mean_of(worth, found.chosen) + gap >= best - 1e-6


@given(hnp.arrays(np.float64, st.integers(1, 30), elements=UNIT), st.floats(0, 1))
def test_a_share_is_met_from_below_as_nearly_as_equals_allow(strong_wins, share):
    threshold = threshold_for_share(strong_wins, share)
    sent = int((by_threshold(strong_wins, threshold).chosen == 0).sum())
    wanted = round(share * len(strong_wins))
    assert sent <= wanted
    possible = {int((strong_wins >= edge).sum()) for edge in [*strong_wins, np.inf]}
    assert sent == max(count for count in possible if count <= wanted)


@given(hnp.arrays(np.float64, st.integers(1, 30), elements=UNIT), st.floats(0, 1), st.integers(0, 9))
def test_ties_broken_at_random_meet_the_share_and_prefer_the_greater_chance(strong_wins, share, seed):
    ties = ties_at_share(strong_wins, share)
    wanted = round(share * len(strong_wins))
    sent = int((by_threshold(strong_wins, threshold_for_share(strong_wins, share)).chosen == 0).sum())
    assert (ties is None) == (sent == wanted)
    if ties is not None:
        strong = by_ties(strong_wins, ties, seed).chosen == 0
        assert strong.sum() == wanted
        assert strong_wins[strong].min() >= strong_wins[~strong].max()


def test_the_curve_goes_from_the_cheapest_to_the_best():
    rng = np.random.default_rng(0)
    worth, cost = rng.random((3, 50)), np.repeat(np.array([[0.1], [0.5], [1.0]]), 50, axis=1)
    points = curve(worth, cost)
    assert points[0][1] == pytest.approx(0.1)
    assert points[-1][2] == pytest.approx(worth.max(axis=0).mean())
    assert [quality for _, _, quality in points] == sorted(quality for _, _, quality in points)
