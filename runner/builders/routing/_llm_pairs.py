"""The (prompt, response) pairs of the LLMs: each comparison gives two, which LLMs are held out, and who is found again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch  # noqa: TID253 - only the worker and a predictor load this module

from runner.data.comparisons import TIE, A, B, Comparisons

#: With fewer LLMs than this, pairs are held out rather than LLMs.
FEWEST_LLMS = 5
#: Share of the LLMs, or of the prompts, that is held out.
HELD_OUT = 0.2
#: Pairs in a set that looks for its own LLM.
SET = 16
#: Pairs of an LLM that a measurement looks at, at most.
LOOKED_AT = 512
#: Pairs that are encoded at once where no gradient is needed.
CHUNK = 4096


@dataclass(frozen=True)
class Pairs:
    """``n`` pairs, over texts that are each there once."""

    texts: tuple[str, ...]  # distinct prompts and responses
    prompt: np.ndarray  # int64 [n], index into texts
    response: np.ndarray  # int64 [n], index into texts
    llm: np.ndarray  # int64 [n], index of the LLM
    good: np.ndarray  # bool [n]: won or tied, rather than lost or both bad

    def __len__(self) -> int:
        return len(self.llm)

    @classmethod
    def of_comparisons(cls, split: Comparisons) -> Pairs:
        """Both sides of every comparison: the first ``len(split)`` pairs are the a-sides, the others the b-sides."""
        prompts = [split.prompts[at] for at in split.prompt]
        texts, (prompt, a, b) = _distinct(prompts, split.responses_a, split.responses_b)
        a_good, b_good = np.isin(split.winner, (A, TIE)), np.isin(split.winner, (B, TIE))
        return cls(
            texts=texts,
            prompt=np.concatenate([prompt, prompt]),
            response=np.concatenate([a, b]),
            llm=np.concatenate([split.model_a, split.model_b]).astype(np.int64),
            good=np.concatenate([a_good, b_good]),
        )

    @classmethod
    def of_one(cls, prompts: Sequence[str], responses: Sequence[str]) -> Pairs:
        """The pairs of one LLM, number 0. Nothing is known of outcomes."""
        texts, (prompt, response) = _distinct(prompts, responses)
        n = len(prompt)
        return cls(texts, prompt, response, np.zeros(n, np.int64), np.ones(n, bool))


def _distinct(*columns: Sequence[str]) -> tuple[tuple[str, ...], list[np.ndarray]]:
    """The distinct texts of all columns, in order of appearance, and each column as int64 indices into them."""
    place: dict[str, int] = {}
    found = [
        np.fromiter((place.setdefault(text, len(place)) for text in column), np.int64, len(column))
        for column in columns
    ]
    return tuple(place), found


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
    share none. The second half is a candidate. The first, of the LLMs held out, is cut into sets of at most 16 pairs.
    """
    rng = np.random.default_rng([seed, 0x11])
    present = np.unique(pairs.llm)
    prompts, which = np.unique(pairs.prompt, return_inverse=True)
    shuffled = rng.permutation(len(prompts))[which]
    if len(present) >= FEWEST_LLMS:
        llms = np.sort(rng.permutation(present)[: max(1, round(HELD_OUT * len(present)))])
        measured, asking = np.ones(len(pairs), bool), np.isin(pairs.llm, llms)
        train = np.flatnonzero(~asking)
    else:
        llms = np.zeros(0, np.int64)
        measured = shuffled < max(1, round(HELD_OUT * len(prompts)))
        asking, train = measured, np.flatnonzero(~measured)
    second = shuffled % 2 == 1
    candidates, queries, owner = [], [], []
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

    ``retrieval`` is the share of the sets whose own LLM's other pairs are nearer than any other LLM's; ``lead`` is the
    mean of how much nearer, as cosines. None where there is nothing to tell apart.
    """
    if not len(queries) or len(candidates) < 2:
        return {"retrieval": None, "lead": None}
    cosines = queries @ candidates.T
    rows = np.arange(len(queries))
    own = cosines[rows, owner]
    cosines[rows, owner] = -np.inf
    lead = own - cosines.max(axis=1)
    return {"retrieval": float((lead > 0).mean()), "lead": float(lead.mean())}


@dataclass(frozen=True)
class Inputs:
    """Pairs as a network reads them, on its device."""

    texts: tuple[str, ...]
    prompt: torch.Tensor  # int64 [n]
    response: torch.Tensor  # int64 [n]
    vectors: torch.Tensor  # float32 [len(texts), e]: of a frozen encoder; [len(texts), 0] where there is none
    scalars: torch.Tensor  # float32 [n, 32], or [n, 0]


class PairNetwork(torch.nn.Module):
    """What the three embeddings have in common: pairs become vectors, and a set of those becomes an LLM's vector."""

    #: Length of an LLM's vector.
    width: int

    def pairs(self, inputs: Inputs, rows: torch.Tensor) -> torch.Tensor:
        """Some pairs, by int64 rows ``[B]``: ``[B, h]``."""
        raise NotImplementedError

    def pool(self, vectors: torch.Tensor) -> torch.Tensor:
        """Sets of as many pairs each, ``[S, K, h]`` -> unit vectors ``[S, width]``, in whatever order the pairs are."""
        raise NotImplementedError

    @torch.no_grad()
    def sets(self, inputs: Inputs, sets: Sequence[np.ndarray]) -> np.ndarray:
        """The vector of each set of rows, of any sizes: float32 ``[len(sets), width]``, unit length, no dropout."""
        found = np.zeros((len(sets), self.width), np.float32)
        training = self.training
        self.eval()
        # Sets of one size are one matrix product.
        sizes = np.array([len(rows) for rows in sets], np.int64)
        for size in np.unique(sizes):
            chosen = np.flatnonzero(sizes == size)
            step = max(1, CHUNK // max(1, int(size)))
            for start in range(0, len(chosen), step):
                some = chosen[start : start + step]
                rows = torch.from_numpy(np.concatenate([sets[at] for at in some])).to(inputs.prompt.device)
                parts = [self.pairs(inputs, rows[at : at + CHUNK]) for at in range(0, len(rows), CHUNK)]
                pooled = self.pool(torch.cat(parts).reshape(len(some), int(size), -1))
                found[some] = pooled.float().cpu().numpy()
        self.train(training)
        return found


def normalized(vectors: torch.Tensor) -> torch.Tensor:
    """Unit length along the last dimension; a vector of zeros stays one."""
    return torch.nn.functional.normalize(vectors, dim=-1, eps=1e-12)
