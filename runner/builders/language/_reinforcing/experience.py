"""Answers that were drawn, as rows of tokens with what is known of each token: learned from once or several times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from runner.builders.language._reinforcing.rollouts import Drawn
from runner.builders.language._rows.token_rows import TokenRows


@dataclass
class Experience:
    """``n`` answers with their prompts. Tokens that count are those of answers that are learned from."""

    rows: TokenRows
    #: What is known of every token that counts, row by row, by name: float32 ``[all that count]`` each.
    known: dict[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, drawn: Sequence[Drawn], learned: np.ndarray) -> Experience:
        """``learned`` (bool ``[n]``) says of which answers the tokens count: those that the model made."""
        ids = [[*answer.prompt, *answer.made] for answer in drawn]
        weights = [
            [0.0] * len(answer.prompt) + [float(counts) * own for own in answer.weights]
            for answer, counts in zip(drawn, learned.tolist(), strict=True)
        ]
        return cls(TokenRows.of(ids, weights))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def counts(self) -> np.ndarray:
        """Tokens of every row that count, int64 ``[n]``."""
        return self.rows.trained

    def by_row(self, values: np.ndarray) -> np.ndarray:
        """Values of rows, ``[n]``, as one of every token that counts: float32."""
        found: np.ndarray = np.repeat(values, self.counts).astype(np.float32)
        return found

    def places(self, rows: np.ndarray) -> np.ndarray:
        """Where the tokens of some rows lie among all that count, in the order of a batch of those rows."""
        ends = np.concatenate([[0], np.cumsum(self.counts)])
        parts = [np.arange(ends[row], ends[row + 1]) for row in rows.tolist()]
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)

    def tensors(self) -> dict[str, torch.Tensor]:
        """All of it, for a checkpoint."""
        found = {
            "ids": torch.from_numpy(self.rows.tokens.ids.astype(np.int64)),
            "lengths": torch.from_numpy(self.rows.lengths.astype(np.int64)),
            "weights": torch.from_numpy(self.rows.weights),
        }
        return found | {f"known/{name}": torch.from_numpy(values) for name, values in self.known.items()}

    @classmethod
    def read(cls, tensors: Mapping[str, torch.Tensor]) -> Experience:
        """The inverse."""
        ends = np.cumsum(tensors["lengths"].numpy())[:-1]
        ids, weights = (
            [part.tolist() for part in np.split(tensors[name].numpy(), ends)] for name in ("ids", "weights")
        )
        known = {
            name.removeprefix("known/"): values.numpy() for name, values in tensors.items() if name.startswith("known/")
        }
        return cls(TokenRows.of(ids, weights), known)
