"""Confidence intervals of means, and of the paired difference of two, by the bootstrap over groups of rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from runner.statistics.wilson_interval import wilson

#: Bootstrap samples behind an interval.
DRAWS = 1000
#: Beside a seed: the groups that are drawn.
GROUPS_SALT = 0x62
#: Drawn groups that are held at once, over all samples.
AT_ONCE = 2_000_000
#: What sums of floats may be off from 0 or 1 where every row is.
ALL_ALIKE = 1e-9


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % percentile interval; the ends are NaN where nothing tells how sure it is."""

    value: float
    low: float
    high: float

    @property
    def has_ends(self) -> bool:
        """Whether there is an interval: of one group there is none."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def holds_zero(self) -> bool:
        """Whether a difference may as well be none: also where there is no interval."""
        return not (self.low > 0.0 or self.high < 0.0)

    def as_dict(self) -> dict[str, float | None]:
        """As documents hold it: None for a value, or an end, that there is not."""
        return {"value": known(self.value), "low": known(self.low), "high": known(self.high)}

    def ends(self, name: str) -> dict[str, float | None]:
        """``<name>_low`` and ``<name>_high``, as documents hold them: None for an end that there is not."""
        return {f"{name}_low": known(self.low), f"{name}_high": known(self.high)}


@dataclass(frozen=True)
class Resampled:
    """Means of several columns over the same rows, and the same means over bootstrap samples of the groups."""

    mean: np.ndarray  # float64 [k]
    redrawn: np.ndarray  # float64 [draws, k]
    #: The groups that were drawn.
    groups: int = 0

    def interval(self, column: int) -> Interval:
        """One column's mean."""
        return self._interval(float(self.mean[column]), self.redrawn[:, column])

    def share(self, column: int) -> Interval:
        """A mean of values from 0 to 1, such as a share of right rows.

        Where every sample is alike, and all values are 0 or all are 1, the interval is Wilson's, of so many groups.
        """
        found = unless_alike(self.interval(column))
        if found.has_ends or self.groups < 2 or min(abs(found.value), abs(found.value - 1)) > ALL_ALIKE:
            return found
        low, high = wilson(np.array([found.value]), np.array([float(self.groups)]))
        return Interval(found.value, float(low[0]), float(high[0]))

    def difference(self, column: int, other: int) -> Interval:
        """``column`` less ``other``, over samples that are the same for both (Efron and Tibshirani, 1993, ch. 8)."""
        value = float(self.mean[column] - self.mean[other])
        return self._interval(value, self.redrawn[:, column] - self.redrawn[:, other])

    def of(self, statistic: Callable[[np.ndarray], np.ndarray]) -> Resampled:
        """What ``statistic`` makes of the means, float ``[..., k]`` to ``[..., m]``: a root, a ratio, a mean of some.

        It is NaN where it is undefined; an interval is drawn over the samples in which it is defined.
        """
        return Resampled(statistic(self.mean), statistic(self.redrawn), self.groups)

    @staticmethod
    def _interval(value: float, redrawn: np.ndarray) -> Interval:
        known = redrawn[~np.isnan(redrawn)]
        low, high = np.percentile(known, [2.5, 97.5]) if len(known) else (np.nan, np.nan)
        return Interval(value, float(low), float(high))


def unless_alike(found: Interval) -> Interval:
    """The interval, without ends where every sample is alike: such samples know nothing of what other rows would be."""
    return Interval(found.value, math.nan, math.nan) if found.high - found.low <= ALL_ALIKE else found


def mean_interval(values: np.ndarray, group: np.ndarray, seed: int) -> Interval:
    """The mean of float or bool ``[n]`` with its interval, of bool that of a share; see :func:`resample`."""
    values = np.asarray(values)
    found = resample(values[:, None], group, seed)
    return found.share(0) if values.dtype == bool else found.interval(0)


def resample(columns: np.ndarray, group: np.ndarray, seed: int, draws: int = DRAWS) -> Resampled:
    """Means over rows, redrawn by group: a group's rows, which are not independent, are drawn together.

    ``columns`` is float ``[n, k]``, such as whether each of ``k`` models is right about a comparison, and ``group`` int
    ``[n]``, such as the comparison's prompt; ``n`` is at least 1. The draws follow from ``group`` and ``seed`` alone:
    the interval of a model that is compared is the one that its own training told.

    One group says nothing of how others would be: all that is redrawn of it is NaN, and so are the ends of intervals.
    """
    _, which = np.unique(group, return_inverse=True)
    count = np.bincount(which)
    sums = np.stack([np.bincount(which, weights=column) for column in np.asarray(columns, np.float64).T], axis=1)
    if len(count) < 2:
        return Resampled(sums.sum(axis=0) / count.sum(), np.full((draws, sums.shape[1]), np.nan), 1)
    rng = np.random.default_rng([seed, GROUPS_SALT])
    at_once = max(1, AT_ONCE // len(count))
    redrawn = []
    for start in range(0, draws, at_once):
        drawn = rng.integers(len(count), size=(min(at_once, draws - start), len(count)))
        redrawn.append(_means(sums, count, drawn))
    return Resampled(sums.sum(axis=0) / count.sum(), np.concatenate(redrawn), len(count))


def _means(sums: np.ndarray, count: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """The means of some samples, float64 ``[b, k]``, from the groups' sums ``[g, k]`` and sizes ``[g]``.

    ``drawn`` is int ``[b, g]``. One column is added up as it was drawn, which is the fastest; for several, how often
    each group was drawn makes one product of matrices of it.
    """
    if sums.shape[1] == 1:
        return (sums[:, 0][drawn].sum(axis=1) / count[drawn].sum(axis=1))[:, None]
    times = np.empty(drawn.shape)
    for at, row in enumerate(drawn):
        times[at] = np.bincount(row, minlength=len(count))
    return (times @ sums) / (times @ count)[:, None]


def known(value: float) -> float | None:
    """A number as documents hold it: None for one that is undefined, or beyond what a float holds."""
    return float(value) if math.isfinite(value) else None
