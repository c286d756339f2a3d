"""The paired bootstrap over prompts: how sure the difference of two models is that were measured on the same ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

#: Bootstrap samples behind an interval.
DRAWS = 1000


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % percentile interval."""

    value: float
    low: float
    high: float

    @property
    def holds_zero(self) -> bool:
        """Whether a difference may as well be none."""
        return self.low <= 0.0 <= self.high

    def as_dict(self) -> dict[str, float]:
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Resampled:
    """Means of several columns over the same rows, and the same means over bootstrap samples of the prompts."""

    mean: np.ndarray  # float64 [k]
    redrawn: np.ndarray  # float64 [draws, k]

    def interval(self, column: int) -> Interval:
        """One column's mean."""
        return self._interval(float(self.mean[column]), self.redrawn[:, column])

    def difference(self, column: int, other: int) -> Interval:
        """``column`` less ``other``, over samples that are the same for both (Efron and Tibshirani, 1993, ch. 8)."""
        value = float(self.mean[column] - self.mean[other])
        return self._interval(value, self.redrawn[:, column] - self.redrawn[:, other])

    def of(self, statistic: Callable[[np.ndarray], np.ndarray]) -> Resampled:
        """What ``statistic`` makes of the means, float ``[..., k]`` to ``[..., m]``: a root, a ratio, a mean of some.

        It is NaN where it is undefined; an interval is drawn over the samples in which it is defined.
        """
        return Resampled(statistic(self.mean), statistic(self.redrawn))

    @staticmethod
    def _interval(value: float, redrawn: np.ndarray) -> Interval:
        known = redrawn[~np.isnan(redrawn)]
        low, high = np.percentile(known, [2.5, 97.5]) if len(known) else (np.nan, np.nan)
        return Interval(value, float(low), float(high))


def resample(columns: np.ndarray, prompt: np.ndarray, seed: int, draws: int = DRAWS) -> Resampled:
    """Means over rows, redrawn by prompt: a prompt's rows are drawn together.

    ``columns`` is float ``[n, k]``, such as whether each of ``k`` models is right about a comparison, and ``prompt``
    int ``[n]``; ``n`` is at least 1. The draws are those of the ranking task's ``accuracy_interval``, so that a
    column's interval here is the one that its model's training told.
    """
    _, which = np.unique(prompt, return_inverse=True)
    count = np.bincount(which)
    sums = np.stack([np.bincount(which, weights=column) for column in np.asarray(columns, np.float64).T], axis=1)
    rng = np.random.default_rng([seed, 0x62])
    at_once = max(1, 2_000_000 // len(count))
    redrawn = []
    for start in range(0, draws, at_once):
        drawn = rng.integers(len(count), size=(min(at_once, draws - start), len(count)))
        # How often each prompt was drawn: the redrawn sums of all columns are then one product of matrices.
        times = np.stack([np.bincount(row, minlength=len(count)) for row in drawn]).astype(np.float64)
        redrawn.append((times @ sums) / (times @ count)[:, None])
    return Resampled(sums.sum(axis=0) / count.sum(), np.concatenate(redrawn))
