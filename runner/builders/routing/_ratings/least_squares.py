"""Scores whose differences are nearest to the differences of the win rates."""

from __future__ import annotations

import numpy as np

from runner.builders.routing._ratings.pair_counts import Pairs, balance, laplacian


def least_squares(pairs: Pairs) -> np.ndarray:
    """Minimise the sum over compared pairs of ``(s_i - s_j - t_ij)^2``, ``t_ij = winrate_ij - winrate_ji``.

    Win rates are shares of the decided comparisons: a pair that only tied says nothing, and how often a pair was
    compared does not count. The normal equations are a Laplacian system, singular by the constant of every
    connected component, solved with the smallest norm; then mean 0 and standard deviation 1, or all 0 where nothing
    tells the LLMs apart.

    Takes counts ``[K]`` and gives float64 ``[n_models]``, or ``[B, K]`` and ``[B, n_models]``.
    """
    matrix, target = normal_equations(pairs)
    if matrix.ndim == 2:
        scores = np.linalg.lstsq(matrix, target, rcond=None)[0]
    else:
        scores = (np.linalg.pinv(matrix, hermitian=True) @ target[..., None])[..., 0]
    return normalise(scores)


def normal_equations(pairs: Pairs) -> tuple[np.ndarray, np.ndarray]:
    """The graph's Laplacian ``[..., M, M]`` over the pairs with a winner, and the right side ``[..., M]``."""
    decided = pairs.wins_i + pairs.wins_j
    used = decided > 0
    target = np.where(used, (pairs.wins_i - pairs.wins_j) / np.where(used, decided, 1.0), 0.0)
    return laplacian(used.astype(np.float64), pairs), balance(target, pairs)


def normalise(scores: np.ndarray) -> np.ndarray:
    """Mean 0 and standard deviation 1 (of the population) over the last axis."""
    centred = scores - scores.mean(axis=-1, keepdims=True)
    spread = centred.std(axis=-1, keepdims=True)
    # Rounding of a solution that is all zeros must not be blown up into a ranking.
    flat = spread <= 1e-12
    return np.where(flat, 0.0, centred / np.where(flat, 1.0, spread))
