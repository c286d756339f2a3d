"""Named columns over the held-out prompts, and their means over bootstrap samples of the prompts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from runner.statistics.paired_bootstrap import Interval, resample, unless_alike
from runner.statistics.paired_difference import unless_few_alike

#: More prompts than this are drawn in as many heaps, put together by chance: a heap of independent prompts is one too.
MOST_DRAWN = 2_000
#: Beside a seed: the heaps.
HEAPS_SALT = 0x76


@dataclass(frozen=True)
class Redrawn:
    """Means by name, float64 ``[1 + B, k]``: in the first row of the prompts as they are, then of each sample."""

    means: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, columns: Mapping[str, np.ndarray], group: np.ndarray, seed: int) -> Redrawn:
        """``columns`` are float64 ``[P, k]``, and ``group``, int ``[P]``, says which prompts are drawn together."""
        wide = {name: np.atleast_2d(np.asarray(table, np.float64).T).T for name, table in columns.items()}
        found = resample(np.concatenate(list(wide.values()), axis=1), heaps(group, seed), seed)
        both = np.concatenate([found.mean[None], found.redrawn])
        ends = np.cumsum([table.shape[1] for table in wide.values()])
        return cls(dict(zip(wide, np.split(both, ends[:-1], axis=1), strict=True)))

    def __getitem__(self, name: str) -> np.ndarray:
        return self.means[name]

    def ratio(self, name: str, by: str) -> np.ndarray:
        """One mean divided by another, NaN where that is 0: the mean over the prompts that ``by`` counts."""
        total, count = self.means[name], self.means[by]
        return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 1e-12)


def heaps(group: np.ndarray, seed: int) -> np.ndarray:
    """The groups, ``[P]``, or where there are too many to draw one by one, heaps of them."""
    _, which = np.unique(group, return_inverse=True)
    count = int(which.max(initial=-1)) + 1
    if count <= MOST_DRAWN:
        return np.asarray(which, np.int64)
    order = np.random.default_rng([seed, HEAPS_SALT]).permutation(count)
    return np.asarray(order[which] % MOST_DRAWN, np.int64)


def interval(values: np.ndarray, prompts: int = 0) -> Interval:
    """The first of ``[1 + B]`` values, with the 95 % percentile interval of the others.

    Samples in which it is undefined (NaN) are left out. An end among samples in which it is infinite is infinite.
    Samples that are all alike give no ends, but for those of a difference over ``prompts``, if they are not few.
    """
    known = values[1:][~np.isnan(values[1:])]
    if not len(known):
        return Interval(float(values[0]), float("nan"), float("nan"))
    low = np.percentile(known, 2.5, method="lower")
    high = np.percentile(known, 97.5, method="higher")
    found = Interval(float(values[0]), float(low), float(high))
    return unless_few_alike(found, prompts) if prompts else unless_alike(found)
