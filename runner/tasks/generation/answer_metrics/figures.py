"""A figure over rows, by what each row adds to it: a mean, a ratio, a corpus score, each with its interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from runner.contract import Measure
from runner.statistics import wilson_interval
from runner.statistics.paired_bootstrap import Interval, Resampled, resample, unless_alike
from runner.statistics.paired_difference import unless_few_alike


def ratio(sums: np.ndarray) -> np.ndarray:
    """The first of two sums over the second, ``[..., 2]`` to ``[...]``; NaN where nothing counts."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found: np.ndarray = sums[..., 0] / sums[..., 1]
    return found


def exponential(sums: np.ndarray) -> np.ndarray:
    """``e`` to that power: a perplexity, of nats and of what they are spread over."""
    with np.errstate(over="ignore"):
        found: np.ndarray = np.exp(ratio(sums))
    return found


def bits(sums: np.ndarray) -> np.ndarray:
    """The ratio of nats as bits."""
    return ratio(sums) / math.log(2)


@dataclass(frozen=True)
class Figure:
    """One metric of one model on some rows."""

    measure: Measure
    #: What each row adds, float64 ``[n, k]``.
    parts: np.ndarray
    #: What sums of parts make, float64 ``[..., k]`` to ``[...]``.
    statistic: Callable[[np.ndarray], np.ndarray] = ratio
    #: Rows of which nothing could be read, bool ``[n]``: they count as wrong, and are told apart from wrong ones.
    unread: np.ndarray | None = None
    #: Whether every row is right or wrong: then its interval is Wilson's.
    proportion: bool = False
    #: How the code of each answer ended, one of :data:`~runner.contract.foreign_code.ENDS`; None where none was run.
    ends: Sequence[str] | None = None

    @classmethod
    def of_means(
        cls, measure: Measure, values: np.ndarray, unread: np.ndarray | None = None, *, proportion: bool = False
    ) -> Figure:
        """The mean of one value a row, float ``[n]``."""
        parts = np.stack([values.astype(np.float64), np.ones(len(values))], axis=1)
        return cls(measure, parts, ratio, unread, proportion)

    @property
    def each(self) -> np.ndarray:
        """The figure of every row alone, float64 ``[n]``; NaN for a row that is not in it."""
        return self.statistic(self.parts)

    @property
    def count(self) -> int:
        """How many rows are in it."""
        return int((~np.isnan(self.each)).sum())

    @property
    def value(self) -> float:
        return float(self.statistic(self.parts.sum(axis=0)))

    def redrawn(self, seed: int) -> Resampled:
        """The figure over bootstrap samples of the rows. Figures over the same rows are redrawn alike."""
        count = len(self.parts)
        means = resample(self.parts, np.arange(count), seed)
        return means.of(lambda each: self.statistic(each * count)[..., None])

    def interval(self, seed: int) -> tuple[Interval, float, str]:
        """The value with its 95 % interval, its standard error, and what the interval is: Wilson's, or of a bootstrap.

        The standard error of a mean is that of the sample, of any other figure that of the bootstrap.
        """
        redrawn, count = self.redrawn(seed), self.count
        if self.statistic is ratio and count > 1:
            each = self.each
            error = float(each[~np.isnan(each)].std(ddof=1) / math.sqrt(count))
        else:
            error = float(redrawn.redrawn[:, 0].std())
        if self.proportion:
            return Interval(self.value, *wilson(float(self.parts[:, 0].sum()), count)), error, "wilson"
        return unless_alike(redrawn.interval(0)), error, "bootstrap"


def wilson(right: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a share: ``right`` of ``count``, which is 1 or more."""
    low, high = wilson_interval.wilson(np.array([right / count]), np.array([float(count)]))
    return float(low[0]), float(high[0])


def paired(own: Figure, other: Figure, seed: int) -> dict[str, Any]:
    """The difference of two models on the same rows, own less other: its interval and error, wins, ties and losses.

    A row is won where its own figure is better by the measure's direction. There is no interval (NaN) of fewer than two
    rows, nor where a few all differ by the same, as ties do (:func:`unless_few_alike`).
    """
    both = np.concatenate([own.redrawn(seed).redrawn, other.redrawn(seed).redrawn], axis=1)
    found = Resampled(np.array([own.value, other.value]), both).difference(0, 1)
    gap = own.each - other.each
    gap = gap[~np.isnan(gap)]
    if own.statistic is ratio and len(gap) > 1:
        error = float(gap.std(ddof=1) / math.sqrt(len(gap)))
    else:
        error = float((both[:, 0] - both[:, 1]).std())
    if own.measure.better == "lower":
        gap = -gap
    found = unless_few_alike(found, len(gap))
    return {
        "difference": found.value,
        "low": found.low,
        "high": found.high,
        "standard_error": error,
        "wins": int((gap > 0).sum()),
        "ties": int((gap == 0).sum()),
        "losses": int((gap < 0).sum()),
    }
