"""What the trees see: a (prompt, LLM) row of small whole numbers, each the bin that an input's value falls in.

The bins' edges lie midway between neighbouring training values. A tree's threshold would otherwise be a training
prompt's very value, and the last digit of an embedding, which differs with the batch it was computed in, would decide
on which side that prompt falls. A row of bytes also takes a quarter of the memory of one of floats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

#: The groups of inputs in the order of their columns: the prompt's, then the LLM's.
PROMPT_GROUPS = ("prompt_embedding", "prompt_features", "prompt_categories")
LLM_GROUPS = ("model_embedding", "model_id")
#: The byte of an unknown value; bins are 0 ... 254.
MISSING = 255
#: Prompts that the edges are found from, at most: quantiles of more are the same.
SAMPLED = 50_000
#: Beside a seed: the prompts that a group's edges are found on.
EDGES_SALT = 0x62


def find_edges(values: np.ndarray) -> np.ndarray:
    """Edges of each column of ``values``, float ``[n, d]`` with NaN for unknown: float32 ``[d, 254]``, inf where fewer.

    A column of at most 255 distinct values has a bin for each; others are divided at 254 quantiles of theirs.
    """
    edges = np.full((values.shape[1], MISSING - 1), np.inf, np.float32)
    for row, column in enumerate(values.T):
        distinct = np.unique(column[~np.isnan(column)]).astype(np.float64)
        gaps = np.arange(1, len(distinct))
        if len(gaps) > MISSING - 1:
            gaps = np.linspace(0, len(distinct), MISSING + 1)[1:-1].astype(np.int64)
        low, high = distinct[gaps - 1], distinct[gaps]
        middle = ((low + high) / 2).astype(np.float32)
        # Between two neighbouring floats there is no third: the upper one is the edge, and in the upper bin.
        edges[row, : len(gaps)] = np.where(middle > low, middle, high)
    return edges


def bins(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The bin of every value, uint8 ``[n, d]``: how many of its column's edges it has reached. NaN is ``MISSING``."""
    table = np.empty(values.shape, np.uint8)
    for column, its_edges in enumerate(edges):
        table[:, column] = np.searchsorted(its_edges, values[:, column], side="right")
    table[np.isnan(values)] = MISSING
    return table


@dataclass(frozen=True)
class Inputs:
    """Which columns the trees see, group by group, and the edges of their bins, float32 ``[columns, 254]``.

    ``ids`` are the LLMs that have a column of their own in the group ``model_id``, where there is one.
    """

    widths: Mapping[str, int]
    edges: np.ndarray
    ids: tuple[str, ...] = ()

    @classmethod
    def fit(
        cls, prompts: Mapping[str, np.ndarray], vectors: np.ndarray | None, ids: tuple[str, ...], seed: int
    ) -> Inputs:
        """From the training prompts' values by group, float ``[P, d]`` each, and the LLMs' vectors, ``[M, d]``.

        ``vectors`` are None, and ``ids`` empty, where the trees are not to see them.
        """
        widths = {name: prompts[name].shape[1] for name in PROMPT_GROUPS if name in prompts}
        parts = []
        for name in widths:
            values = prompts[name]
            if len(values) > SAMPLED:
                values = values[np.random.default_rng([seed, EDGES_SALT]).choice(len(values), SAMPLED, replace=False)]
            parts.append(find_edges(values))
        if vectors is not None:
            widths[LLM_GROUPS[0]] = vectors.shape[1]
            parts.append(find_edges(vectors))
        if ids:
            widths[LLM_GROUPS[1]] = len(ids)
            parts.append(find_edges(np.eye(max(len(ids), 2), len(ids), dtype=np.float32)))
        return cls(widths, np.concatenate(parts), ids)

    def __contains__(self, group: str) -> bool:
        return group in self.widths

    @property
    def _split(self) -> int:
        return sum(width for name, width in self.widths.items() if name not in LLM_GROUPS)

    def prompts(self, values: Mapping[str, np.ndarray], count: int) -> np.ndarray:
        """The prompts' half of a row, uint8 ``[count, columns]``, from their values by group."""
        parts = [values[name] for name in PROMPT_GROUPS if name in self]
        table = np.concatenate(parts, axis=1) if parts else np.zeros((count, 0), np.float32)
        return bins(table, self.edges[: self._split])

    def llms(self, names: Sequence[str], vectors: np.ndarray | None) -> np.ndarray:
        """The LLMs' half of a row, uint8 ``[M, columns]``; an LLM without a column of its own has 0 in all of them."""
        own = np.zeros((len(names), len(self.ids)), np.float32)
        place = {name: at for at, name in enumerate(self.ids)}
        for row, name in enumerate(names):
            if name in place:
                own[row, place[name]] = 1
        parts = [own] if vectors is None or LLM_GROUPS[0] not in self else [vectors, own]
        return bins(np.concatenate(parts, axis=1), self.edges[self._split :])

    def names(self) -> list[str]:
        """Every column's group."""
        return [name for name, width in self.widths.items() for _ in range(width)]


@dataclass(frozen=True)
class Pairs:
    """Distinct (prompt, LLM) pairs: what several comparisons have in common is one row."""

    prompt: np.ndarray  # int64 [n]
    llm: np.ndarray  # int64 [n]

    def __len__(self) -> int:
        return len(self.prompt)

    @classmethod
    def of(cls, prompt: np.ndarray, llm: np.ndarray, n_llms: int) -> tuple[Pairs, np.ndarray]:
        """The distinct ones among pairs, int ``[k]`` each, and the row of every one of them, int64 ``[k]``."""
        distinct, row = np.unique(prompt.astype(np.int64) * n_llms + llm, return_inverse=True)
        return cls(distinct // n_llms, distinct % n_llms), row

    def rows(self, prompts: np.ndarray, llms: np.ndarray) -> np.ndarray:
        """The two halves side by side, uint8 ``[n, columns]``."""
        table = np.empty((len(self), prompts.shape[1] + llms.shape[1]), np.uint8)
        np.take(prompts, self.prompt, axis=0, out=table[:, : prompts.shape[1]])
        np.take(llms, self.llm, axis=0, out=table[:, prompts.shape[1] :])
        return table


def importance(inputs: Inputs, booster: Any) -> list[dict[str, Any]]:
    """Each group's share of the loss that all splits took off, greatest first; without a split, 0 each."""
    gain = dict.fromkeys(inputs.widths, 0.0)
    groups = inputs.names()
    for column, value in booster.get_score(importance_type="total_gain").items():
        gain[groups[int(column.removeprefix("f"))]] += value
    total = sum(gain.values()) or 1.0
    rows = [{"input": name, "gain": value / total, "columns": inputs.widths[name]} for name, value in gain.items()]
    return sorted(rows, key=lambda row: -float(row["gain"]))
