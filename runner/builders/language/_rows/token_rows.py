"""Token rows: the ids of every row, and what each token counts in the loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from runner.training.tokens import Tokens, TokenWriter


@dataclass(frozen=True)
class Batch:
    """Rows of one forward pass, padded at the right: ``[B, T]``, on the device."""

    ids: torch.Tensor
    #: 1 for a token, 0 for padding; None where rows are packed, whose positions say where each begins.
    mask: torch.Tensor | None
    #: float32: what foretelling this token counts; 0 for the first of a row, and for padding.
    weights: torch.Tensor
    #: int64 ``[N]``: which of the ``B (T - 1)`` tokens that are no row's first count, row by row.
    places: torch.Tensor
    positions: torch.Tensor | None = None

    @property
    def tokens(self) -> torch.Tensor:
        """The tokens that count, int64 ``[N]``."""
        return self.of_counted(self.ids)

    @property
    def counted(self) -> torch.Tensor:
        """What each of them counts, float32 ``[N]``."""
        return self.of_counted(self.weights)

    def of_counted(self, values: torch.Tensor) -> torch.Tensor:
        """Values of all tokens, ``[B, T]``: those of the tokens that count, ``[N]``."""
        return values[:, 1:].flatten()[self.places]

    @property
    def owners(self) -> torch.Tensor:
        """The row that each of them is of, int64 ``[N]``: equal for tokens of one row, and for no others."""
        if self.positions is None:
            return self.places // (self.ids.shape[1] - 1)
        # A row that is packed begins at a position of 0.
        return (self.positions.flatten() == 0).cumsum(0).view(self.positions.shape)[:, 1:].flatten()[self.places]

    @classmethod
    def on(
        cls,
        device: str,
        ids: np.ndarray,
        mask: np.ndarray | None,
        weights: np.ndarray,
        positions: np.ndarray | None = None,
    ) -> Batch:
        """From arrays on the host. What counts is found there: a GPU would have to be waited for."""
        places = np.flatnonzero(weights[:, 1:] > 0)
        return cls(
            _on(ids, device),
            None if mask is None else _on(mask, device),
            _on(weights, device),
            _on(places, device),
            None if positions is None else _on(positions, device),
        )


@dataclass(frozen=True)
class TokenRows:
    """``n`` rows of tokens, one behind the other."""

    tokens: Tokens
    #: float32 ``[all tokens]``.
    weights: np.ndarray

    @classmethod
    def of(cls, ids: Sequence[Sequence[int]], weights: Sequence[Sequence[float]]) -> TokenRows:
        """From the ids of every row and their weights."""
        writer = RowWriter()
        for own, counted in zip(ids, weights, strict=True):
            writer.add(own, counted)
        return writer.done()

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens a row, int64 ``[n]``."""
        return self.tokens.lengths

    @property
    def trained(self) -> np.ndarray:
        """Tokens of each row that count, int64 ``[n]``."""
        return self._weights.added(lambda weights: (weights > 0).astype(np.float64)).astype(np.int64)

    @property
    def mass(self) -> np.ndarray:
        """The sum of each row's weights, float64 ``[n]``."""
        return self._weights.added(lambda weights: weights.astype(np.float64))

    @property
    def _weights(self) -> Tokens:
        return Tokens(self.weights, self.tokens.ends)

    def row(self, number: int) -> tuple[list[int], list[float]]:
        """The ids of a row, and what they count."""
        start, stop = (int(end) for end in self.tokens.ends[number : number + 2])
        return self.tokens.ids[start:stop].tolist(), self.weights[start:stop].tolist()

    def batch(self, rows: np.ndarray, padding: int, device: str) -> Batch:
        """The rows as one batch."""
        ids, mask = self.tokens.padded(rows, padding)
        weights = np.zeros(ids.shape, np.float32)
        starts, lengths = self.tokens.ends[rows], self.lengths[rows]
        columns = np.arange(ids.shape[1])
        there = columns < lengths[:, None]
        weights[there] = self.weights[(starts[:, None] + columns)[there]]
        return Batch.on(device, ids, mask, weights)


class RowWriter:
    """Makes :class:`TokenRows` of rows as they come. With a ``folder``, many of them lie in a file there."""

    def __init__(self, folder: Path | None = None) -> None:
        self._ids, self._weights = TokenWriter(folder), TokenWriter(folder, "f")

    def add(self, ids: Sequence[int], weights: Sequence[float]) -> None:
        """A row. Its first token is foretold by none: it counts 0."""
        self._ids.add([ids])
        self._weights.add([[0.0, *weights[1:]] if len(weights) else []])

    def done(self) -> TokenRows:
        """All of them."""
        return TokenRows(self._ids.done(), self._weights.done().ids)


def _on(values: np.ndarray, device: str) -> torch.Tensor:
    tensor = torch.from_numpy(values)
    return tensor.pin_memory().to(device, non_blocking=True) if device.startswith("cuda") else tensor
