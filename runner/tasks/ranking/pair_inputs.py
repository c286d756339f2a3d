"""What a predictor reads of (prompt, LLM) pairs, apart from what it makes of it: here inputs can be changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class Part:
    """One input of ``n`` pairs, such as the prompts' embeddings."""

    name: str
    #: ``[n, d]``, of any type.
    values: np.ndarray
    #: Whether it says something of the prompt, of the LLM, or of both together.
    says_of: Literal["prompt", "llm", "pair"] = "prompt"
    #: The columns' names, where each of them means something by itself, and the group that each is in.
    columns: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class PairInputs:
    """All that is read of ``n`` pairs."""

    parts: tuple[Part, ...]

    def __getitem__(self, name: str) -> np.ndarray:
        """One part's values, ``[n, d]``. Raises ``KeyError`` where there is no such part."""
        for part in self.parts:
            if part.name == name:
                return part.values
        raise KeyError(name)

    def __contains__(self, name: str) -> bool:
        return any(part.name == name for part in self.parts)

    def shuffled(self, chosen: Mapping[str, Sequence[int] | None], order: np.ndarray) -> PairInputs:
        """The same with pair ``order[i]``'s values in pair ``i``, int ``[n]``.

        ``chosen`` are the parts that get them by name, each with its columns, None for all.
        """
        return PairInputs(
            tuple(_shuffled(part, chosen[part.name], order) if part.name in chosen else part for part in self.parts)
        )


def _shuffled(part: Part, columns: Sequence[int] | None, order: np.ndarray) -> Part:
    if columns is None:
        return replace(part, values=part.values[order])
    own = np.asarray(columns, np.int64)
    values = part.values.copy()
    values[:, own] = part.values[np.ix_(order, own)]
    return replace(part, values=values)
