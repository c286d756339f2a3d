"""The filter on rare LLMs: those in too few comparisons are left out, with their comparisons. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def frequent(model_a: np.ndarray, model_b: np.ndarray, models: int, least: int) -> np.ndarray:
    """The rows left when every LLM in them is in at least ``least`` of them: bool ``[n]``.

    Dropping a rare LLM's rows makes others rarer, so it is repeated until nothing changes (a k-core).
    """
    *_, kept = passes(model_a, model_b, models, least)
    return kept


def passes(model_a: np.ndarray, model_b: np.ndarray, models: int, least: int) -> Iterator[np.ndarray]:
    """What is left before and after each pass of :func:`frequent`: bool ``[n]``, at first all rows."""
    kept = np.ones(len(model_a), bool)
    while True:
        yield kept
        counts = np.bincount(np.concatenate([model_a[kept], model_b[kept]]), minlength=models)
        rare = counts < least
        drop = kept & (rare[model_a] | rare[model_b])
        if not drop.any():
            return
        kept = kept & ~drop


def largest_threshold(model_a: np.ndarray, model_b: np.ndarray, models: int) -> int:
    """The largest ``least`` for which :func:`frequent` leaves anything.

    It is the multigraph's degeneracy: peel off the rarest LLM again and again; the largest count it ever had
    (Matula and Beck, 1983).
    """
    pairs = np.zeros((models, models), np.int64)
    np.add.at(pairs, (model_a, model_b), 1)
    pairs += pairs.T
    degree, alive, best = pairs.sum(axis=1), np.ones(models, bool), 0
    for _ in range(models):
        rarest = int(np.argmin(np.where(alive, degree, np.iinfo(np.int64).max)))
        best = max(best, int(degree[rarest]))
        alive[rarest] = False
        degree -= pairs[rarest]
    return best
