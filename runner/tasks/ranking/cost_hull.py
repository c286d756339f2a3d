"""Quality over cost: the non-decreasing convex hull of some policies, and what is read off it.

Between two policies lies every random mixture of them, and a policy may always be replaced by one that is cheaper and
no worse: the hull is what can be had. All arrays have a row for each of ``B`` bootstrap samples, and are worked on at
once. Source: RouterBench (Hu et al., 2024, arXiv:2403.12031, section 3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Hull:
    """The corners, float64 ``[B, K]``, costs not falling; the last one is repeated where there are fewer."""

    cost: np.ndarray
    quality: np.ndarray

    @classmethod
    def of(cls, cost: np.ndarray, quality: np.ndarray) -> Hull:
        """The hull of ``K`` policies, float64 ``[B, K]`` each (Andrew's monotone chain, 1979)."""
        order = np.argsort(cost, axis=1, kind="stable")
        x = np.take_along_axis(cost, order, axis=1)
        # What is dearer and worse is never called.
        y = np.maximum.accumulate(np.take_along_axis(quality, order, axis=1), axis=1)
        hull_x, hull_y = np.zeros_like(x), np.zeros_like(y)
        count, rows = np.zeros(len(x), np.int64), np.arange(len(x))
        for k in range(x.shape[1]):
            while True:
                last, before = np.maximum(count - 1, 0), np.maximum(count - 2, 0)
                x0, y0 = hull_x[rows, before], hull_y[rows, before]
                step_x, step_y = hull_x[rows, last] - x0, hull_y[rows, last] - y0
                under = (count >= 2) & (step_y * (x[:, k] - x0) <= (y[:, k] - y0) * step_x)
                # The first of two at one cost is the worse one.
                under |= (count == 1) & (hull_x[:, 0] == x[:, k])
                if not under.any():
                    break
                count -= under
            hull_x[rows, count], hull_y[rows, count] = x[:, k], y[:, k]
            count += 1
        last = np.minimum(np.arange(x.shape[1]), count[:, None] - 1)
        return cls(np.take_along_axis(hull_x, last, axis=1), np.take_along_axis(hull_y, last, axis=1))

    def mean_quality(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """AIQ: the area between the costs ``low`` and ``high``, ``[B]``, divided by their difference; NaN without one.

        Left of the first corner the hull is as high as there, right of the last one too.
        """
        x = np.concatenate([low[:, None], self.cost, high[:, None]], axis=1)
        y = np.concatenate([self.quality[:, :1], self.quality, self.quality[:, -1:]], axis=1)
        x[:, -1] = np.maximum(x[:, -1], x[:, -2])
        x[:, 0] = np.minimum(x[:, 0], x[:, 1])
        left, right = x[:, :-1], x[:, 1:]
        from_x, to_x = np.clip(left, low[:, None], high[:, None]), np.clip(right, low[:, None], high[:, None])
        width = right - left
        slope = np.divide(y[:, 1:] - y[:, :-1], width, out=np.zeros_like(width), where=width > 0)
        middle = y[:, :-1] + slope * (0.5 * (from_x + to_x) - left)
        area = ((to_x - from_x) * middle).sum(axis=1)
        return np.divide(area, high - low, out=np.full(len(area), np.nan), where=high > low)

    def cost_at(self, quality: np.ndarray) -> np.ndarray:
        """The least cost at which the hull is as high as ``quality``, ``[B]``; infinite where it never is."""
        return least_reaching(self.cost, self.quality, quality)


def least_reaching(x: np.ndarray, y: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The least ``x`` at which the line through the points, float64 ``[B, K]``, reaches ``wanted``, ``[B]``.

    ``x`` does not fall. Infinite where the line never gets there; a shortfall that is rounding is none.
    """
    there = y >= wanted[:, None] - 1e-12
    at = there.argmax(axis=1)
    rows, before = np.arange(len(x)), np.maximum(at - 1, 0)
    x0, y0, x1, y1 = x[rows, before], y[rows, before], x[rows, at], y[rows, at]
    rise = y1 - y0
    part = np.divide(wanted - y0, rise, out=np.ones_like(rise), where=rise > 0)
    return np.where(there.any(axis=1), x0 + np.clip(part, 0.0, 1.0) * (x1 - x0), np.inf)


def corners(cost: np.ndarray, quality: np.ndarray) -> list[int]:
    """Which of ``K`` policies, float64 ``[K]`` each, are corners of their hull, the cheapest first."""
    hull = Hull.of(cost[None], quality[None])
    found: list[int] = []
    for x, y in zip(hull.cost[0], hull.quality[0], strict=True):
        at = np.flatnonzero((cost == x) & (quality == y))
        # Right of the best one the hull is flat.
        if len(at) and (not found or y > quality[found[-1]]):
            found.append(int(at[0]))
    return found
