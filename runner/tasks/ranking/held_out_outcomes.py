"""What each LLM's answer to each held-out prompt was worth and cost: from comparisons, or from an outcome matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from runner.data.comparisons import Comparisons
from runner.data.outcomes import OutcomeMatrix

#: What a comparison was worth to its first LLM, by its winner: A, B, a tie, both bad.
WORTH = (1.0, 0.0, 0.5, 0.5)


@dataclass(frozen=True)
class HeldOutcomes:
    """``P`` held-out prompts and ``M`` LLMs; NaN stands for what is not known."""

    models: tuple[str, ...]
    #: The prompts, indices into the comparisons' own: int64 ``[P]``, sorted.
    prompt: np.ndarray
    #: float64 ``[P, M]``: the score of a matrix; of comparisons the share that the LLM won on the prompt, half a tie.
    quality: np.ndarray
    #: float64 ``[P, M]``: what the answer really cost, all NaN where the data does not say.
    cost: np.ndarray
    #: Tokens of the prompt and of the answer as they were counted: float64 ``[P, M]``, all NaN where nobody did.
    prompt_tokens: np.ndarray
    completion_tokens: np.ndarray
    #: Whether the quality is a score of each answer, and not who won.
    scored: bool

    @property
    def has_costs(self) -> bool:
        return not bool(np.isnan(self.cost).all())


def held_out_outcomes(rows: Comparisons, models: Sequence[str]) -> HeldOutcomes:
    """The outcomes of these LLMs on the prompts of some held-out comparisons."""
    prompts = np.unique(rows.prompt).astype(np.int64)
    if rows.outcomes is not None:
        return _of_matrix(rows, rows.outcomes, prompts, tuple(models))
    nothing = np.full((len(prompts), len(models)), np.nan)
    return HeldOutcomes(tuple(models), prompts, won(rows, prompts, models), nothing, nothing, nothing, scored=False)


def won(rows: Comparisons, prompts: np.ndarray, models: Sequence[str]) -> np.ndarray:
    """The share of its comparisons on each prompt that an LLM won, float64 ``[P, M]``, NaN where it was in none."""
    place = {name: at for at, name in enumerate(models)}
    column = np.array([place.get(name, -1) for name in rows.models])
    line = np.searchsorted(prompts, rows.prompt)
    worth_a = np.array(WORTH)[rows.winner]
    sums, counts = np.zeros((2, len(prompts), len(models)))
    for llm, worth in ((rows.model_a, worth_a), (rows.model_b, 1 - worth_a)):
        known = column[llm] >= 0
        at = (line[known], column[llm[known]])
        np.add.at(sums, at, worth[known])
        np.add.at(counts, at, 1)
    return np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)


def _of_matrix(rows: Comparisons, matrix: OutcomeMatrix, prompts: np.ndarray, models: tuple[str, ...]) -> HeldOutcomes:
    place = {key: at for at, key in enumerate(zip(matrix.keys, matrix.histories, strict=True))}
    own = matrix.take(np.array([place[rows.keys[at], rows.histories[at]] for at in prompts], np.int64)).of(models)
    nothing = np.full(own.scores.shape, np.nan)

    def known(table: np.ndarray | None) -> np.ndarray:
        return nothing if table is None else table

    return HeldOutcomes(
        models,
        prompts,
        own.scores,
        known(own.costs),
        known(own.prompt_tokens),
        known(own.completion_tokens),
        scored=True,
    )
