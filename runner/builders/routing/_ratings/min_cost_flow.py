"""The potentials of a flow of least cost through the comparisons: the L1 criterion of a ranking.

The graph has an arc from the source to ``i`` (capacity: the wins of ``i``), one from ``i`` to the sink (its losses),
both free, and one from ``i`` to ``j`` that costs 1 (capacity: the wins of ``i`` over ``j``). All wins together are as
many as all losses, and to fill every arc is a flow, so a greatest flow fills the source's and the sink's: what is left
to find is how the net wins flow between LLMs at the least cost. The dual is to minimise, over every decided comparison,
``max(0, 1 - (s_winner - s_loser))`` (Gupte, Shankar, Li, Muthukrishnan and Iftode, "Finding hierarchy in directed
online social networks", WWW 2011).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csc_array, csr_array
from scipy.sparse.csgraph import NegativeCycleError, bellman_ford

from runner.builders.routing._ratings.connections import components, strong_components
from runner.builders.routing._ratings.least_squares import normal_equations
from runner.builders.routing._ratings.pair_counts import Pairs, balance
from runner.errors import RunFailed

#: How far an LLM may stand from its level, in steps between levels.
WITHIN = 0.25


def potentials(pairs: Pairs) -> np.ndarray:
    """The least potentials of at least 0 that an optimal flow has, whole numbers as float64 ``[n_models]``.

    They are minus the shortest distances in the residual graph over the LLMs, a path starting at any of them. Every
    optimal flow has the same. Takes counts ``[K]``, whole numbers. Raises :class:`RunFailed` where the solver finds no
    optimal flow; what it found is checked.
    """
    tail, head, capacity = arcs(pairs)
    if not len(tail):
        return np.zeros(pairs.n_models)
    flow = least_cost_flow(pairs)
    # An extra node reaches every LLM for nothing: a path may start anywhere.
    anywhere = pairs.n_models
    cost = np.full((anywhere + 1, anywhere + 1), np.inf)
    cost[anywhere, :anywhere] = 0.0
    forth, back = flow < capacity, flow > 0
    cost[tail[forth], head[forth]] = 1.0
    cost[head[back], tail[back]] = -1.0
    rows, columns = np.nonzero(np.isfinite(cost))
    residual = csr_array((cost[rows, columns], (rows, columns)), shape=cost.shape)
    try:
        distance = bellman_ford(residual, indices=anywhere)[:anywhere]
    except NegativeCycleError:
        raise RunFailed("the flow that the solver found is not of the least cost") from None
    # Not `-distance`, which has a minus zero.
    return 0.0 - distance


def least_cost_flow(pairs: Pairs) -> np.ndarray:
    """An optimal flow over :func:`arcs`, whole numbers as float64. Raises :class:`RunFailed`."""
    tail, head, capacity = arcs(pairs)
    net = balance(pairs.wins_i - pairs.wins_j, pairs)
    each = np.arange(len(tail))
    ends = (np.concatenate([tail, head]), np.concatenate([each, each]))
    leaves_less_enters = csc_array((np.repeat([1.0, -1.0], len(tail)), ends), shape=(pairs.n_models, len(tail)))
    # The dual simplex ends in a vertex, and every vertex of a network's polytope is whole. Presolving costs more than
    # it saves here.
    found = linprog(
        np.ones(len(tail)),
        A_eq=leaves_less_enters,
        b_eq=net,
        bounds=np.stack([np.zeros(len(tail)), capacity], axis=1),
        method="highs-ds",
        options={"presolve": False},
    )
    flow = np.rint(found.x) if found.x is not None else np.full(len(tail), np.nan)
    if not (np.array_equal(leaves_less_enters @ flow, net) and (flow >= 0).all() and (flow <= capacity).all()):
        raise RunFailed(f"no flow was found through the comparisons: {found.message}")
    return flow


def arcs(pairs: Pairs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The arcs between LLMs, winner to loser, and their capacities: int ``[E]`` twice, float64 ``[E]``."""
    forward, backward = pairs.wins_i > 0, pairs.wins_j > 0
    tail = np.concatenate([pairs.i[forward], pairs.j[backward]])
    head = np.concatenate([pairs.j[forward], pairs.i[backward]])
    return tail, head, np.concatenate([pairs.wins_i[forward], pairs.wins_j[backward]])


def scores_of(found: np.ndarray, pairs: Pairs, within: str = "equal") -> np.ndarray:
    """Potentials ``[n_models]`` with mean 0 in every group that decided comparisons connect, and standard deviation 1.

    With ``within`` ``least_squares`` equal ones are :func:`told_apart` first. The standard deviation is that of all
    LLMs together: a potential's unit, one comparison's margin, is everybody's. All 0 where nothing tells the LLMs
    apart.
    """
    scores = told_apart(found, pairs) if within == "least_squares" else found.copy()
    for group in components(pairs, pairs.wins_i + pairs.wins_j):
        scores[group] -= scores[group].mean()
    spread = scores.std()
    return scores / spread if spread > 1e-12 else np.zeros_like(scores)


def told_apart(found: np.ndarray, pairs: Pairs) -> np.ndarray:
    """Potentials ``[n_models]`` whose equals stand apart as the least squares of their win rates do.

    An LLM is moved by its distance from its level's mean on that scale, whose unit is a win rate's lead. Where that
    moves anybody by more than ``WITHIN``, all moves are shrunk by one factor: levels stay in their order. Equals that
    no decided comparison connects are no level.
    """
    finer, moves = np.linalg.lstsq(*normal_equations(pairs), rcond=None)[0], np.zeros_like(found)
    for group in components(pairs, pairs.wins_i + pairs.wins_j):
        for level in np.unique(found[group]):
            equals = group[found[group] == level]
            moves[equals] = finer[equals] - finer[equals].mean()
    # Rounding tells nobody apart.
    moves = np.round(moves, 9)
    return found + moves * (WITHIN / max(WITHIN, np.abs(moves).max(initial=0.0)))


def one_sided(pairs: Pairs) -> list[np.ndarray]:
    """The groups between which wins go one way only, largest first; one group, or empty, where there are none.

    The distance between two such groups has a least value and no greatest.
    """
    decided = replace(pairs, ties=np.zeros_like(pairs.ties))
    groups = strong_components(decided, decided.wins_i > 0, decided.wins_j > 0)
    return groups if len(groups) > len(components(pairs, pairs.wins_i + pairs.wins_j)) else []


def drawn(pairs: Pairs) -> list[Pairs]:
    """The redraws ``[B, K]`` one by one, ``[K]`` each."""
    return [
        replace(pairs, wins_i=wins_i, wins_j=wins_j, ties=ties)
        for wins_i, wins_j, ties in zip(pairs.wins_i, pairs.wins_j, pairs.ties, strict=True)
    ]
