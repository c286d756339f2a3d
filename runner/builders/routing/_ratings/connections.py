"""Which LLMs the comparisons connect: what a rating can say of two of them, and how it is told by name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from runner.builders.routing._ratings.pair_counts import Pairs
from runner.contract import TrainContext


def components(pairs: Pairs, weights: np.ndarray) -> list[np.ndarray]:
    """The groups of LLMs that pairs of a positive weight (``[K]``) connect, largest first: int arrays of LLMs."""
    used = weights > 0
    return _groups(pairs.n_models, pairs.i[used], pairs.j[used], strong=False)


def strong_components(pairs: Pairs, scored_i: np.ndarray, scored_j: np.ndarray) -> list[np.ndarray]:
    """The groups within which every LLM reaches every other, largest first: int arrays of LLMs.

    ``scored_i`` and ``scored_j`` are bool ``[K]``: whether a pair's one leads to the other, and the other to the one.
    """
    rows = np.concatenate([pairs.i[scored_i], pairs.j[scored_j]])
    columns = np.concatenate([pairs.j[scored_i], pairs.i[scored_j]])
    return _groups(pairs.n_models, rows, columns, strong=True)


def reason(pairs: Pairs, group: np.ndarray, names: Sequence[str], *, ties: bool = True) -> str:
    """What sets a group of LLMs apart from all others: it only won, only lost, or was never compared with them.

    ``ties`` says whether a tie is a comparison too.
    """
    inside_i, inside_j = np.isin(pairs.i, group), np.isin(pairs.j, group)
    border = inside_i != inside_j
    tied = float(pairs.ties[border].sum()) if ties else 0.0
    won = float(np.where(inside_i, pairs.wins_i, pairs.wins_j)[border].sum()) + tied
    lost = float(np.where(inside_i, pairs.wins_j, pairs.wins_i)[border].sum()) + tied
    who = ", ".join(repr(names[m]) for m in group)
    if won == 0 and lost == 0:
        return f"{who}: never compared with the others in the training split"
    if lost == 0:
        return f"{who}: only won against the others"
    if won == 0:
        return f"{who}: only lost to the others"
    return f"{who}: no chain of wins leads both to and from the others"


def tell_islands(context: TrainContext, pairs: Pairs) -> list[np.ndarray]:
    """The groups that decided comparisons connect; a warning names the LLMs when there is more than one."""
    groups = components(pairs, pairs.wins_i + pairs.wins_j)
    if len(groups) > 1:
        names = context.data.train.models
        islands = "; ".join(", ".join(repr(names[m]) for m in group) for group in groups[1:])
        context.emit(
            "warning",
            message="no decided comparison connects some LLMs with the rest, so their scores are on a scale of their "
            f"own and cannot be compared with the others': {islands}",
            pointer="/data/dataset",
        )
    return groups


def _groups(n_models: int, rows: np.ndarray, columns: np.ndarray, *, strong: bool) -> list[np.ndarray]:
    graph = csr_array((np.ones(len(rows)), (rows, columns)), shape=(n_models, n_models))
    connection = "strong" if strong else "weak"
    count, label = connected_components(graph, directed=True, connection=connection)
    return sorted((np.flatnonzero(label == group) for group in range(count)), key=lambda g: (-len(g), g[0]))
