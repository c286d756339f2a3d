"""Which LLMs an embedding is validated on, and how: is an LLM found again by other responses of its own?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runner.builders.routing._llms.llm_pairs import Pairs

#: Beside a seed: which LLMs or prompts are held out.
HOLDOUT_SALT = 0x11
#: With fewer LLMs than this, pairs are held out rather than LLMs.
FEWEST_LLMS = 5
#: Share of the LLMs, or of the prompts, that is held out.
HELD_OUT = 0.2
#: Pairs in a set that looks for its own LLM.
SET = 4
#: Pairs of an LLM's half that a measurement looks at, at most.
LOOKED_AT = 512


@dataclass(frozen=True)
class HeldOut:
    """Which pairs are trained on, and which sets look for their LLM among which others."""

    train: np.ndarray  # int64 [t]: rows of the pairs
    queries: list[np.ndarray]  # rows of each set
    owner: np.ndarray  # int64 [queries]: place among the candidates
    candidates: list[np.ndarray]  # rows of each candidate: the other half of an LLM's pairs
    llms: np.ndarray  # the LLMs held out; empty where pairs are


def hold_out(pairs: Pairs, seed: int) -> HeldOut:
    """Split at the model level: a fifth of the LLMs is held out whole; with fewer than five, a fifth of the prompts.

    Every LLM's pairs (the held-out prompts' alone, where prompts are held out) are halved by prompt, so the halves
    share none. The second half is a candidate. The first, of the LLMs held out, is cut into sets of at most 4 pairs.
    """
    rng = np.random.default_rng([seed, HOLDOUT_SALT])
    present = np.unique(pairs.llm)
    prompts, which = np.unique(pairs.prompt, return_inverse=True)
    shuffled = rng.permutation(len(prompts))[which]
    if len(present) >= FEWEST_LLMS:
        llms = np.sort(rng.permutation(present)[: max(1, round(HELD_OUT * len(present)))])
        measured, asking = np.ones(len(pairs), bool), np.isin(pairs.llm, llms)
        train = np.flatnonzero(~asking)
    else:
        llms = np.zeros(0, np.int64)
        # Of fewer than four prompts none can be spared: two to measure by, two to train on.
        measured = shuffled < (max(2, round(HELD_OUT * len(prompts))) if len(prompts) >= 4 else 0)
        asking, train = measured, np.flatnonzero(~measured)
    second = shuffled % 2 == 1
    candidates: list[np.ndarray] = []
    queries: list[np.ndarray] = []
    owner: list[int] = []
    for llm in present:
        own = measured & (pairs.llm == llm)
        half, other = np.flatnonzero(own & ~second)[:LOOKED_AT], np.flatnonzero(own & second)[:LOOKED_AT]
        if not len(half) or not len(other):
            continue
        if asking[half[0]]:
            sets = np.array_split(rng.permutation(half), -(-len(half) // SET))
            queries += sets
            owner += [len(candidates)] * len(sets)
        candidates.append(other)
    return HeldOut(train, queries, np.array(owner, np.int64), candidates, llms)


def found_again(queries: np.ndarray, candidates: np.ndarray, owner: np.ndarray) -> dict[str, float | None]:
    """How well sets find their LLM: unit vectors ``[q, d]`` and ``[c, d]``, and each query's candidate ``[q]``.

    ``retrieval`` is the share of the sets whose own LLM's other pairs are nearer than any other LLM's, and ``lead`` the
    mean of how much nearer, as cosines. ``separation`` is the first and a tenth of the second, so that of epochs that
    find as many, the one that sets them further apart is the better. None where there is nothing to tell apart.
    """
    if not len(queries) or len(candidates) < 2:
        return {"retrieval": None, "lead": None, "separation": None}
    cosines = queries @ candidates.T
    rows = np.arange(len(queries))
    own = cosines[rows, owner]
    cosines[rows, owner] = -np.inf
    leads = own - cosines.max(axis=1)
    retrieval, lead = float((leads > 0).mean()), float(leads.mean())
    return {"retrieval": retrieval, "lead": lead, "separation": retrieval + lead / 10}
