"""Comparisons counted by pair of LLMs: all that the closed forms need, and how it varies when prompts are redrawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from runner.data.comparisons import BOTH_BAD, TIE, A, Comparisons

#: Beside a seed: the prompts of bootstrap samples.
PROMPTS_SALT = 0x70


@dataclass(frozen=True)
class Pairs:
    """``K`` pairs of LLMs that met, ``i < j``. Counts are float64 ``[K]``, or ``[B, K]`` for ``B`` redraws."""

    n_models: int
    i: np.ndarray
    j: np.ndarray
    wins_i: np.ndarray
    wins_j: np.ndarray
    #: Ties and both_bad together.
    ties: np.ndarray

    @property
    def total(self) -> np.ndarray:
        return self.wins_i + self.wins_j + self.ties


@dataclass(frozen=True)
class Records:
    """Per LLM, int64 ``[n_models]``: in how many comparisons it was, and how they ended for it."""

    comparisons: np.ndarray
    wins: np.ndarray
    losses: np.ndarray
    ties: np.ndarray


def count_pairs(comparisons: Comparisons) -> Pairs:
    """Count every pair's outcomes, whichever of the two was shown first."""
    i, j, cell = _cells(comparisons)
    return _pairs(comparisons, i, j, np.bincount(cell, minlength=3 * len(i)).astype(np.float64))


def redrawn_pairs(comparisons: Comparisons, draws: int, seed: int) -> Iterator[Pairs]:
    """The counts of ``draws`` bootstrap samples over prompts, float64 ``[B, K]``, a bounded number at a time."""
    i, j, cell = _cells(comparisons)
    cells = 3 * len(i)
    at_once = max(1, 4_000_000 // max(cells, len(comparisons.models) ** 2, 1))
    # Prompt by prompt, the samples' weights are read in the order that they lie in.
    by_prompt = np.argsort(comparisons.prompt, kind="stable")
    cell = cell[by_prompt]
    weights = prompt_weights(comparisons.prompt[by_prompt], draws, seed)
    while chunk := [np.bincount(cell, weights=w, minlength=cells) for w in islice(weights, at_once)]:
        yield _pairs(comparisons, i, j, np.array(chunk))


def prompt_weights(prompt: np.ndarray, draws: int, seed: int) -> Iterator[np.ndarray]:
    """``draws`` bootstrap samples over prompts: how often each comparison is in the sample, float64 ``[n]``.

    A prompt's comparisons are drawn together, because they are not independent (Efron and Tibshirani, 1993, ch. 8).
    """
    rng = np.random.default_rng([seed, PROMPTS_SALT])
    _, which = np.unique(prompt, return_inverse=True)
    size = int(which.max()) + 1 if len(which) else 0
    for _ in range(draws):
        yield np.bincount(rng.integers(size, size=size), minlength=size).astype(np.float64)[which]


def count_records(comparisons: Comparisons) -> Records:
    """Each LLM's record."""
    n_models, a, b, winner = len(comparisons.models), comparisons.model_a, comparisons.model_b, comparisons.winner
    decided = comparisons.decided
    a_wins = winner == A
    won, lost = np.where(a_wins, a, b)[decided], np.where(a_wins, b, a)[decided]
    drawn = np.concatenate([a[~decided], b[~decided]])
    return Records(
        comparisons=np.bincount(np.concatenate([a, b]), minlength=n_models),
        wins=np.bincount(won, minlength=n_models),
        losses=np.bincount(lost, minlength=n_models),
        ties=np.bincount(drawn, minlength=n_models),
    )


def laplacian(weights: np.ndarray, pairs: Pairs) -> np.ndarray:
    """The weighted Laplacian ``[..., M, M]`` of the pairs' graph; weights are ``[..., K]``."""
    matrix = np.zeros((*weights.shape[:-1], pairs.n_models, pairs.n_models))
    # Every pair stands once in `i, j`, so its two cells may be assigned; the diagonal sums over pairs.
    matrix[..., pairs.i, pairs.j] = matrix[..., pairs.j, pairs.i] = -weights
    diagonal = np.arange(pairs.n_models)
    matrix[..., diagonal, diagonal] = -matrix.sum(axis=-1)
    return matrix


def balance(flows: np.ndarray, pairs: Pairs) -> np.ndarray:
    """What every LLM has of the pairs' flows ``[..., K]``, ``[..., M]``: plus as ``i``, minus as ``j``."""
    matrix = np.zeros((*flows.shape[:-1], pairs.n_models, pairs.n_models))
    matrix[..., pairs.i, pairs.j] = flows
    matrix[..., pairs.j, pairs.i] = -flows
    return matrix.sum(axis=-1)


def _cells(comparisons: Comparisons) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pairs, int64 ``[K]`` twice, and for each comparison its cell in a ``[K, 3]`` table (i won, j won, tie)."""
    n_models = len(comparisons.models)
    a, b = comparisons.model_a.astype(np.int64), comparisons.model_b.astype(np.int64)
    keys, which = np.unique(np.minimum(a, b) * n_models + np.maximum(a, b), return_inverse=True)
    tied = (comparisons.winner == TIE) | (comparisons.winner == BOTH_BAD)
    outcome = np.where(tied, 2, (comparisons.winner == A) != (a < b))
    return keys // n_models, keys % n_models, which * 3 + outcome


def _pairs(comparisons: Comparisons, i: np.ndarray, j: np.ndarray, counts: np.ndarray) -> Pairs:
    table = counts.reshape(*counts.shape[:-1], len(i), 3)
    return Pairs(len(comparisons.models), i, j, table[..., 0], table[..., 1], table[..., 2])
