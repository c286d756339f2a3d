"""One linear regression per LLM, all of them solved at once through their normal equations."""

from __future__ import annotations

import numpy as np

#: Rows whose outer products are summed at once: it bounds the memory.
CHUNK = 16384


def fit(
    inputs: np.ndarray, prompt: np.ndarray, model: np.ndarray, target: np.ndarray, n_models: int, l2: float
) -> np.ndarray:
    """Intercept and weights of every LLM, float64 ``[n_models, 1 + F]``: zeros for an LLM without a row.

    ``inputs`` is float64 ``[P, F]``, ``prompt``, ``model`` and ``target`` are the rows' ``[n]``. For each LLM,
    its squared error plus ``l2`` times the squared weights (not the intercept) is minimised; with 0 it is the solution
    of least squares that has the smallest norm.
    """
    width = inputs.shape[1] + 1
    gram, right = np.zeros((n_models, width, width)), np.zeros((n_models, width))
    order = np.argsort(model, kind="stable")
    ends = np.cumsum(np.bincount(model, minlength=n_models))
    for number, end in enumerate(ends.tolist()):
        for start in range(0 if number == 0 else int(ends[number - 1]), end, CHUNK):
            rows = order[start : min(start + CHUNK, end)]
            design = np.concatenate([np.ones((len(rows), 1)), inputs[prompt[rows]]], axis=1)
            gram[number] += design.T @ design
            right[number] += design.T @ target[rows]
    diagonal = np.arange(1, width)
    gram[:, diagonal, diagonal] += l2
    if l2 > 0:
        # An LLM without a row has a zero for its intercept's equation: any number but 0 there gives weights of 0.
        gram[:, 0, 0] = np.where(gram[:, 0, 0] > 0, gram[:, 0, 0], 1.0)
        return np.linalg.solve(gram, right[..., None])[..., 0]
    return (np.linalg.pinv(gram, rcond=1e-12, hermitian=True) @ right[..., None])[..., 0]
