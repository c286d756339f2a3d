"""What the difference of two models is, and where few rows, or rows that are all alike, tell them apart."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from runner.statistics.paired_bootstrap import Resampled, resample
from runner.statistics.paired_difference import (
    ENOUGH,
    FEWEST,
    paired_difference,
    surely_above,
    surely_below,
    unless_few_alike,
)


def redrawn(values: np.ndarray) -> Resampled:
    return resample(np.asarray(values, np.float64)[:, None], np.arange(len(values)), 3)


def test_it_is_the_difference_over_samples_that_are_the_same_for_both():
    own, other = np.random.default_rng(0).random((2, 50))
    both = resample(np.stack([own, other], axis=1), np.arange(50), 3).difference(0, 1)
    found = paired_difference(redrawn(own), redrawn(other), share=True)
    assert (found.value, found.low, found.high) == pytest.approx((both.value, both.low, both.high))


def test_a_few_rows_tell_no_two_models_apart():
    losses = np.random.default_rng(0).random(FEWEST)
    few = paired_difference(redrawn(losses[1:]), redrawn(losses[1:] + 1 + losses[:-1]), share=False)
    assert few.value < -1 and not few.has_ends and not surely_below(few)
    enough = paired_difference(redrawn(losses), redrawn(losses + 1 + losses[::-1]), share=False)
    assert surely_below(enough) and not surely_above(enough)


@pytest.mark.parametrize("count", [FEWEST, ENOUGH, 200])
def test_rows_that_are_all_alike_are_no_surer_than_their_count(count):
    least = binomtest(count, count).proportion_ci(method="wilson").low
    right, wrong = redrawn(np.ones(count)), redrawn(np.zeros(count))
    above = paired_difference(right, wrong, share=True)
    assert (above.value, above.low, above.high) == pytest.approx((1, 2 * least - 1, 1)) and surely_above(above)
    equal = paired_difference(right, right, share=True)
    assert (equal.value, equal.low, equal.high) == pytest.approx((0, least - 1, 1 - least))
    # Of what is no share nothing says how far other rows would differ.
    assert paired_difference(right, wrong, share=False).has_ends == (count >= ENOUGH)
    assert unless_few_alike(above, count) == above


def test_of_a_model_with_fewer_samples_those_are_the_first_of_the_others():
    own, other = redrawn(np.arange(30.0)), redrawn(np.arange(30.0)[::-1])
    short = Resampled(own.mean, own.redrawn[:200], own.groups)
    wanted = paired_difference(short, Resampled(other.mean, other.redrawn[:200], 30), share=False)
    assert paired_difference(short, other, share=False) == wanted
