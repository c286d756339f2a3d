"""The difference of two models on the same rows, with an interval that knows how little few rows tell."""

from __future__ import annotations

import math

import numpy as np

from runner.statistics.paired_bootstrap import ALL_ALIKE, Interval, Resampled, unless_alike
from runner.statistics.wilson_interval import wilson

#: Fewer groups than this tell no two models apart: by mere chance one is the better on all of five in one case of 16
#: (the sign test, 2 times 0.5 to the power of 5), and in one of 32 on all of six.
FEWEST = 6
#: From so many groups on a difference that is the same in each of them has an interval, of no width.
ENOUGH = 20


def paired_difference(own: Resampled, other: Resampled, *, share: bool) -> Interval:
    """The first column of ``own`` less that of ``other``, which were redrawn alike: by the same groups and seed.

    There is no interval (NaN) of fewer than :data:`FEWEST` groups, nor as :func:`unless_few_alike` says. A ``share``,
    which is from 0 to 1 of each group, has one where all samples are alike too: no fewer groups than Wilson's interval
    says have that difference, and the others may have any.
    """
    # Where there is much to go through, some models have fewer samples: those are the first of the others'.
    count = min(len(own.redrawn), len(other.redrawn))
    pair = Resampled(
        np.array([own.mean[0], other.mean[0]]),
        np.stack([own.redrawn[:count, 0], other.redrawn[:count, 0]], axis=1),
        min(own.groups, other.groups),
    )
    found = pair.difference(0, 1)
    if pair.groups < FEWEST or not found.has_ends:
        return Interval(found.value, math.nan, math.nan)
    if share and not unless_alike(found).has_ends:
        return _of_alike(found.value, pair.groups)
    return unless_few_alike(found, pair.groups)


def unless_few_alike(found: Interval, groups: int) -> Interval:
    """A difference, without ends where all samples are alike and fewer than :data:`ENOUGH` groups were drawn.

    A width of zero would say that it is certain.
    """
    return unless_alike(found) if groups < ENOUGH else found


def surely_above(found: Interval) -> bool:
    """Whether the difference is above 0, and its whole interval is."""
    return found.value > ALL_ALIKE and found.low > ALL_ALIKE


def surely_below(found: Interval) -> bool:
    """Whether the difference is below 0, and its whole interval is."""
    return found.value < -ALL_ALIKE and found.high < -ALL_ALIKE


def _of_alike(value: float, groups: int) -> Interval:
    """The interval of a difference of shares that is the same in every group."""
    least = float(wilson(np.ones(1), np.array([float(groups)]))[0][0])
    middle, half = least * value, 1 - least
    return Interval(value, max(-1.0, middle - half), min(1.0, middle + half))
