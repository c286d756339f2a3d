"""Intervals of scores that are means over rows, by the bootstrap, quick however many rows there are."""

from __future__ import annotations

import numpy as np

from runner.statistics.paired_bootstrap import Resampled, resample

#: Rows beyond this many are drawn in so many parts of equal size, dealt at random: the mean of a part varies by so
#: much less that the interval is the same, and it takes seconds instead of minutes.
MOST_PARTS = 20_000


def resampled(losses: np.ndarray, groups: np.ndarray | None, seed: int) -> Resampled:
    """Mean losses of float64 ``[n, k]`` over redrawn rows; those of one group, int ``[n]``, are drawn together."""
    part = np.arange(len(losses)) if groups is None else np.unique(groups, return_inverse=True)[1]
    count = int(part.max()) + 1
    if count > MOST_PARTS:
        part = np.random.default_rng([seed, 0x70]).permutation(count)[part] % MOST_PARTS
    return resample(losses, part, seed)


def mean_of_counted(losses: np.ndarray, mass: np.ndarray, groups: np.ndarray, seed: int) -> Resampled | None:
    """The mean of what counts, over redrawn groups of rows: sums of losses by sums of mass, float ``[n]`` each.

    None where nothing counts. ``groups``: int64 ``[n]``.
    """
    if not mass.sum():
        return None
    return resample(np.stack([losses, mass], axis=1), groups, seed).of(lambda each: each[..., :1] / each[..., 1:])


def loss_ends(redrawn: Resampled | None) -> dict[str, float | None]:
    """The ends of the 95 % interval of a loss, the first column, by their names as metrics; none where it is none."""
    return {} if redrawn is None else redrawn.interval(0).ends("loss")


def interval(redrawn: np.ndarray) -> tuple[float, float]:
    """The 95 % percentile interval of redrawn values ``[draws]``."""
    low, high = np.percentile(redrawn, [2.5, 97.5])
    return float(low), float(high)
