"""The paired bootstrap against one that draws prompts and collects their rows one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from runner.statistics.paired_bootstrap import Interval, mean_interval, resample, unless_alike


@st.composite
def measured(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Whether two models are right about each of some comparisons, and the comparisons' prompts."""
    prompt = draw(st.lists(st.integers(0, 6), min_size=1, max_size=30))
    right = draw(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=len(prompt), max_size=len(prompt)))
    return np.array(right, np.float64), np.array(prompt)


@settings(max_examples=25, deadline=None)
@given(measured(), st.integers(0, 1000))
def test_it_is_the_plain_bootstrap_of_the_difference(case, seed):
    right, prompt = case
    names = sorted(set(prompt.tolist()))
    rng = np.random.default_rng([seed, 0x62])
    gaps = []
    for drawn in rng.integers(len(names), size=(50, len(names))):
        rows = [row for place in drawn for row in range(len(prompt)) if prompt[row] == names[place]]
        first, second = (sum(right[row, model] for row in rows) / len(rows) for model in (0, 1))
        gaps.append(first - second)
    found = resample(right, prompt, seed, draws=50).difference(0, 1)
    assert found.value == pytest.approx(right[:, 0].mean() - right[:, 1].mean())
    ends = tuple(np.percentile(gaps, [2.5, 97.5])) if len(names) > 1 else (math.nan, math.nan)
    assert (found.low, found.high) == pytest.approx(ends, abs=1e-12, nan_ok=True)


@settings(max_examples=25, deadline=None)
@given(measured(), st.integers(0, 1000))
def test_a_model_s_own_interval_is_the_one_that_its_training_told(case, seed):
    right, prompt = case
    own, told = resample(right, prompt, seed).share(0), mean_interval(right[:, 0] > 0, prompt, seed)
    # Ends that are NaN equal nothing.
    assert str(own) == str(told)


def test_the_numbers_of_a_seed_stay():
    values, group = np.arange(12) % 5 / 4, np.arange(12) // 2
    assert mean_interval(values, group, 42) == Interval(0.4375, 0.22916666666666666, 0.6458333333333334)


def test_the_interval_has_the_width_that_theory_gives_independent_rows():
    right = np.random.default_rng(0).random(4000) < 0.7
    found = mean_interval(right, np.arange(4000), seed=3)
    assert found.low < found.value == right.mean() < found.high
    assert found.high - found.low == pytest.approx(2 * 1.96 * math.sqrt(0.21 / 4000), rel=0.12)


def test_rows_of_one_group_are_drawn_together():
    right = np.repeat(np.random.default_rng(0).random(100) < 0.7, 20)
    alone = mean_interval(right, np.arange(2000), seed=3)
    together = mean_interval(right, np.repeat(np.arange(100), 20), seed=3)
    # Twenty copies of one answer say no more than one: the interval is sqrt(20) times as wide.
    assert (together.high - together.low) / (alone.high - alone.low) == pytest.approx(math.sqrt(20), rel=0.2)


def test_the_interval_depends_on_nothing_but_the_seed():
    right = np.random.default_rng(0).random(300) < 0.5
    assert mean_interval(right, np.arange(300), 7) == mean_interval(right, np.arange(300), 7)
    assert mean_interval(right, np.arange(300), 7) != mean_interval(right, np.arange(300), 8)


def test_pairing_tells_apart_what_two_intervals_do_not():
    # Both are wrong about the same hard prompts; the first is right about a few more of the others.
    rng = np.random.default_rng(1)
    easy = rng.random(400) < 0.7
    better = easy & (rng.random(400) < 0.98)
    right = np.stack([easy, better], axis=1).astype(float)
    found = resample(right, np.arange(400), 3)
    first, second = found.interval(0), found.interval(1)
    assert first.low < second.high
    assert found.difference(0, 1).low > 0
    assert not found.difference(0, 1).holds_zero
    assert found.difference(0, 0).holds_zero and found.difference(0, 0).high == 0


def test_a_statistic_of_the_means_has_the_interval_of_the_samples_that_define_it():
    drawn = resample(np.array([[0.0], [0.0], [4.0]]), np.arange(3), 5)
    root = drawn.of(np.sqrt).interval(0)
    assert root.value == pytest.approx(np.sqrt(4 / 3))
    assert (root.low, root.high) == pytest.approx((np.sqrt(drawn.interval(0).low), np.sqrt(drawn.interval(0).high)))
    some = drawn.of(lambda means: np.where(means > 0, means, np.nan)).interval(0)
    assert some.low > 0
    none = drawn.of(lambda means: np.full_like(means, np.nan)).interval(0)
    assert np.isnan([none.value, none.low, none.high]).all()


def test_of_one_group_there_is_no_interval():
    found = mean_interval(np.array([0.2, 0.9]), np.array([4, 4]), seed=3)
    assert found.value == pytest.approx(0.55)
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    # Documents hold no NaN.
    assert found.ends("loss") == {"loss_low": None, "loss_high": None}
    assert found.as_dict() == {"value": found.value, "low": None, "high": None}
    # Nothing is sure of it.
    assert found.holds_zero
    both = resample(np.array([[1.0, 0.0]]), np.array([0]), seed=3).difference(0, 1)
    assert (both.value, both.holds_zero) == (1.0, True)


@pytest.mark.parametrize(("right", "value"), [(True, 1.0), (False, 0.0)])
def test_a_share_of_rows_that_are_all_alike_has_wilson_s_interval(right, value):
    found = mean_interval(np.full(24, right), np.arange(24), 0)
    wanted = binomtest(24 * right, 24).proportion_ci(method="wilson")
    assert (found.value, found.low, found.high) == pytest.approx((value, wanted.low, wanted.high))
    # Rows of one group are one trial: eight groups are no more than eight.
    grouped = mean_interval(np.full(24, right), np.arange(24) // 3, 0)
    wanted = binomtest(8 * right, 8).proportion_ci(method="wilson")
    assert (grouped.low, grouped.high) == pytest.approx((wanted.low, wanted.high))


def test_a_share_that_varies_and_a_loss_have_the_bootstrap_s_interval():
    right, rows = np.arange(24) > 5, np.arange(24)
    assert mean_interval(right, rows, 0) == mean_interval(right.astype(float), rows, 0)
    # A mean that is no share may well be 0 for all rows: a cost is, of a model that is free.
    assert mean_interval(np.zeros(24), rows, 0).as_dict() == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert not mean_interval(np.full(24, True), np.zeros(24), 0).has_ends
    # A share that is one quarter of each row says as little of others.
    assert not resample(np.full((24, 1), 0.25), rows, 0).share(0).has_ends


def test_samples_that_are_all_alike_know_nothing():
    alike, varied = Interval(0.5, 0.5, 0.5), Interval(0.5, 0.4, 0.6)
    assert not unless_alike(alike).has_ends and unless_alike(varied) == varied
    # An end that stands for never is one.
    never = Interval(0.5, -math.inf, 0.6)
    assert unless_alike(never) == never
