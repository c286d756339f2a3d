"""Bradley-Terry by maximum likelihood: Newton's method on the counts of every pair.

Bradley and Terry, "Rank analysis of incomplete block designs", Biometrika 1952; when the maximum exists: Ford,
"Solution of a ranking problem from binary comparisons", American Mathematical Monthly 1957; the sandwich interval as
Chatbot Arena has it: Chiang et al., arXiv:2403.04132.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from runner.builders.routing._ratings.connections import strong_components
from runner.builders.routing._ratings.pair_counts import Pairs, balance, laplacian
from runner.errors import RunFailed

#: Added to the Hessian's diagonal for the sandwich, times the number of comparisons: arena-rank's value.
HESSIAN_RIDGE = 1e-5
#: The ridge of a bootstrap sample in which somebody only won or lost, so that its scores stay finite.
REDRAW_RIDGE = 1e-4


def bradley_terry(pairs: Pairs, ridge: float = 0.0, max_steps: int = 200) -> np.ndarray:
    """Strengths on the natural-log scale with mean 0; ties and both_bad are half a win for each side.

    ``ridge`` is the weight of a penalty ``ridge / 2 * sum(s^2)``, in comparisons. Without one the maximum exists
    only where :func:`unbounded` finds nothing. Takes counts ``[K]`` and gives float64 ``[n_models]``, or ``[B, K]`` and
    ``[B, n_models]``. Raises :class:`RunFailed` when Newton's method does not arrive.
    """
    n = np.atleast_2d(pairs.total)
    won = np.atleast_2d(pairs.wins_i + 0.5 * pairs.ties)
    s = np.zeros((len(n), pairs.n_models))
    value = _penalised(s, won, n, pairs, ridge)
    scale = np.maximum(n.sum(axis=1), 1.0)
    for _ in range(max_steps):
        p = _sigmoid(s[:, pairs.i] - s[:, pairs.j])
        gradient = balance(won - n * p, pairs) - ridge * s
        # The likelihood does not change along the constant vector; the added 1/M holds the mean at 0.
        hessian = laplacian(n * p * (1 - p), pairs) + ridge * np.eye(pairs.n_models) + scale[0] / pairs.n_models**2
        step = np.linalg.solve(hessian, gradient[..., None])[..., 0]
        step -= step.mean(axis=1, keepdims=True)
        # Twice what the likelihood can still gain. Newton converges quadratically: one more step ends at rounding.
        if (gradient * step).sum(axis=1).max() <= 1e-16 * max(1.0, 1e-3 * scale.max()):
            return (s + step).reshape(*pairs.total.shape[:-1], pairs.n_models)
        # Newton may overshoot where a pair is nearly all wins: halve until no sample's likelihood falls.
        length = np.ones((len(n), 1))
        for _ in range(60):
            new = _penalised(s + length * step, won, n, pairs, ridge)
            worse = new < value - 1e-13 * scale
            if not worse.any():
                break
            length[worse] *= 0.5
        s, value = s + length * step, new
    raise RunFailed(
        f"Bradley-Terry did not converge in {max_steps} steps",
        where="/model/spec/regularization",
        hint="set a regularization of 0.01 or more, or raise min_model_occurrences",
    )


def unbounded(pairs: Pairs) -> list[np.ndarray]:
    """The groups of LLMs between which no finite strengths exist: empty when the maximum likelihood does (Ford, 1957).

    It exists when every LLM can be reached from every other by wins and ties. Each group is an int array of LLMs
    that can; the largest group comes first.
    """
    groups = strong_components(pairs, pairs.wins_i + pairs.ties > 0, pairs.wins_j + pairs.ties > 0)
    return groups if len(groups) > 1 else []


def sandwich_errors(pairs: Pairs, strengths: np.ndarray, ridge: float = 0.0) -> np.ndarray:
    """Standard errors ``[n_models]`` of the strengths, robust to a wrong model: ``H^-1 V H^-1``.

    Huber, 1967; White, 1982. ``H`` is the Hessian and ``V`` the sum of the squared scores over comparisons, the
    outcome of a tie being one half.
    """
    p = _sigmoid(strengths[pairs.i] - strengths[pairs.j])
    hessian = laplacian(pairs.total * p * (1 - p), pairs)
    hessian += np.eye(pairs.n_models) * (HESSIAN_RIDGE * pairs.total.sum() + ridge)
    squares = pairs.wins_i * (1 - p) ** 2 + pairs.wins_j * p**2 + pairs.ties * (0.5 - p) ** 2
    inverse = np.linalg.inv(hessian)
    return np.sqrt(np.diag(inverse @ laplacian(squares, pairs) @ inverse))


def normal_quantile(level: float = 0.95) -> float:
    """How many standard errors a two-sided interval of ``level`` reaches to each side."""
    return NormalDist().inv_cdf(0.5 + level / 2)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def _penalised(s: np.ndarray, won: np.ndarray, n: np.ndarray, pairs: Pairs, ridge: float) -> np.ndarray:
    """The log likelihood less the penalty, ``[B]``."""
    d = s[:, pairs.i] - s[:, pairs.j]
    return (won * d - n * np.logaddexp(0.0, d)).sum(axis=1) - 0.5 * ridge * (s**2).sum(axis=1)
