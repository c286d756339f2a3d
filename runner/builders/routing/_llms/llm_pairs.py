"""The (prompt, response) pairs of the LLMs, of which each comparison gives two, and a network that reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from runner.data.comparisons import TIE, A, B, Comparisons
from runner.training.tokens import Tokens

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

    def only(self, llms: np.ndarray) -> Pairs:
        """The pairs of some LLMs, which keep their numbers, and no text but theirs."""
        rows = np.flatnonzero(np.isin(self.llm, llms))
        used, place = np.unique(np.concatenate([self.prompt[rows], self.response[rows]]), return_inverse=True)
        prompt, response = place[: len(rows)], place[len(rows) :]
        return Pairs(tuple(self.texts[at] for at in used), prompt, response, self.llm[rows], self.good[rows])

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
class Inputs:
    """Pairs as a network reads them, on its device."""

    prompt: torch.Tensor  # int64 [n]
    response: torch.Tensor  # int64 [n]
    vectors: torch.Tensor | None = None  # float32 [len(texts), e], of a frozen encoder
    tokens: Tokens | None = None  # of the texts, for an encoder that trains
    scalars: torch.Tensor | None = None  # float32 [n, 32], raw


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

    def settle(self, inputs: Inputs, sets: Sequence[np.ndarray]) -> None:
        """Take from the pairs of some LLMs what :meth:`pool` needs to know of all of them, if anything."""

    @torch.no_grad()
    def sets(self, inputs: Inputs, sets: Sequence[np.ndarray]) -> np.ndarray:
        """The vector of each set of rows, of any sizes: float32 ``[len(sets), width]``, unit length, no dropout.

        An empty set's is zero.
        """
        found = np.zeros((len(sets), self.width), np.float32)
        training = self.training
        self.eval()
        # Sets of one size are one matrix product.
        sizes = np.array([len(rows) for rows in sets], np.int64)
        for size in np.unique(sizes[sizes > 0]):
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
