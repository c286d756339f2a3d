"""How the LLMs did on every training prompt: sums of outcomes by prompt and LLM, prompt after prompt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from runner.data.comparisons import Comparisons


@dataclass(frozen=True)
class Outcomes:
    """``E`` entries, one a prompt and LLM that met there: those of prompt ``p`` are ``starts[p] : starts[p + 1]``."""

    #: int64 ``[P + 1]``.
    starts: np.ndarray
    #: int32 ``[E]``: indices of LLMs.
    llm: np.ndarray
    #: float32 ``[E]``: how often the LLM was compared there, and the sum of what came of it.
    count: np.ndarray
    total: np.ndarray
    #: float64 ``[M]``: each LLM's mean outcome over all its comparisons.
    mean: np.ndarray

    @classmethod
    def of(cls, comparisons: Comparisons, entry: np.ndarray, n_entries: int, tie: float, both_bad: float) -> Outcomes:
        """A win is 1, a loss 0, a tie and a both_bad what is said.

        ``entry`` is int ``[prompts]``: which of the ``n_entries`` prompts each of the data's is, -1 for none.
        """
        n_models = len(comparisons.models)
        worth_a = np.array([1.0, 0.0, tie, both_bad])[comparisons.winner]
        worth_b = np.array([0.0, 1.0, tie, both_bad])[comparisons.winner]
        place = entry[comparisons.prompt].astype(np.int64) * n_models
        cell = np.concatenate([place + comparisons.model_a, place + comparisons.model_b])
        cells, which = np.unique(cell, return_inverse=True)
        count = np.bincount(which, minlength=len(cells)).astype(np.float64)
        total = np.bincount(which, weights=np.concatenate([worth_a, worth_b]), minlength=len(cells))
        llm = cells % n_models
        met = np.bincount(llm, weights=count, minlength=n_models)
        mean = np.bincount(llm, weights=total, minlength=n_models) / np.maximum(met, 1)
        starts = np.searchsorted(cells // n_models, np.arange(n_entries + 1))
        return cls(starts, llm.astype(np.int32), count.astype(np.float32), total.astype(np.float32), mean)

    def tensors(self) -> dict[str, np.ndarray]:
        """What an artifact holds of it."""
        return {
            "outcome_starts": self.starts.astype(np.int64),
            "outcome_llms": self.llm,
            "outcome_counts": self.count,
            "outcome_totals": self.total,
            "mean_outcomes": self.mean,
        }

    @classmethod
    def read(cls, tensors: Mapping[str, Any]) -> Outcomes:
        """What :meth:`tensors` gave. Raises ``KeyError`` and ``ValueError`` for what does not fit together."""
        names = ("outcome_starts", "outcome_llms", "outcome_counts", "outcome_totals", "mean_outcomes")
        found = cls(*(np.asarray(tensors[name]) for name in names))
        size = len(found.llm)
        if not (len(found.count) == len(found.total) == size == found.starts[-1]) or (np.diff(found.starts) < 0).any():
            raise ValueError("the outcomes do not fit together")
        if size and not 0 <= found.llm.min() <= found.llm.max() < len(found.mean):
            raise ValueError("the outcomes are of LLMs that are not there")
        return found

    def tables(self, prompts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Counts and totals of some prompts, float64 ``[..., M]`` twice for int ``[...]``; none for a prompt -1."""
        flat = prompts.ravel()
        there = flat >= 0
        first = np.where(there, self.starts[flat], 0)
        size = np.where(there, self.starts[flat + 1] - first, 0)
        row = np.repeat(np.arange(len(flat)), size)
        at = np.arange(len(row)) - np.repeat(np.cumsum(size) - size, size) + np.repeat(first, size)
        tables = np.zeros((2, len(flat), len(self.mean)))
        tables[0, row, self.llm[at]] = self.count[at]
        tables[1, row, self.llm[at]] = self.total[at]
        shape = (*prompts.shape, len(self.mean))
        return tables[0].reshape(shape), tables[1].reshape(shape)
