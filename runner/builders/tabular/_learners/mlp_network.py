"""The network of the mlp learner: its inputs, its layers for training, and its answers without torch."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from runner.builders.tabular._learners.imputation_and_scaling import Scaling
from runner.builders.tabular._learners.one_hot import OneHot

if TYPE_CHECKING:
    import torch

    from runner.builders.tabular._learners.table import TrainingTable

#: A scaled number ``x`` enters as ``x / sqrt(1 + (x / CLIP)^2)``, so that an outlier is far, but not too far.
#: Source: RealMLP (Holzmueller, Grinsztajn and Steinwart, 2024).
CLIP = 3.0
#: Most categories of a column that have vectors of their own, the most frequent ones; all others share one.
MOST_CATEGORIES = 10_000


@dataclass(frozen=True)
class NetworkInputs:
    """Scaled numbers float32 ``[n, k]``, and the vector of each category int64 ``[n, c]``: 0 is missing or unseen."""

    scaling: Scaling
    categories: OneHot
    categorical: tuple[int, ...]

    @classmethod
    def of(cls, table: TrainingTable) -> NetworkInputs:
        return cls(Scaling.of(table), OneHot.of(table.inputs, table.categorical, MOST_CATEGORIES), table.categorical)

    @property
    def sizes(self) -> list[int]:
        """How many vectors each categorical column has."""
        return [1 + int((self.categories.column == column).sum()) for column in self.categorical]

    def transform(self, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        numbers = self.scaling.transform(inputs)
        numbers = numbers / np.sqrt(1 + (numbers / CLIP) ** 2)
        codes = np.zeros((len(inputs), len(self.categorical)), np.int64)
        rows, ones = self.categories.places(inputs)
        first = np.searchsorted(self.categories.column, self.categories.column[ones])
        codes[rows, np.searchsorted(self.categorical, self.categories.column[ones])] = 1 + ones - first
        return numbers.astype(np.float32), codes


def dims(sizes: Sequence[int], embedding_dim: int | None) -> list[int]:
    """The length of a vector of each categorical column."""
    return [embedding_dim or min(32, size // 2) or 1 for size in sizes]


def build(inputs: NetworkInputs, hidden: Sequence[int], outputs: int, dropout: float, embedding_dim: int | None) -> Any:
    """The torch module: ``module(numbers, codes) -> [n, outputs]``."""
    import torch

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            lengths = dims(inputs.sizes, embedding_dim)
            self.embeddings = torch.nn.ModuleList(
                torch.nn.Embedding(size, length) for size, length in zip(inputs.sizes, lengths, strict=True)
            )
            widths = [len(inputs.scaling) + sum(lengths), *hidden]
            self.hidden = torch.nn.ModuleList(
                torch.nn.Linear(before, after) for before, after in itertools.pairwise(widths)
            )
            self.output = torch.nn.Linear(widths[-1], outputs)
            self.dropout = torch.nn.Dropout(dropout)

        def forward(self, numbers: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
            vectors = [table(codes[:, place]) for place, table in enumerate(self.embeddings)]
            values = torch.cat([numbers, *vectors], dim=1)
            for layer in self.hidden:
                values = self.dropout(torch.relu(layer(values)))
            return self.output(values)

    return Network()


def outputs(weights: Mapping[str, np.ndarray], numbers: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """What the module answers when it does not train, in numpy and double precision: float64 ``[n, outputs]``."""
    vectors = [weights[f"embeddings.{place}.weight"][codes[:, place]] for place in range(codes.shape[1])]
    values = np.concatenate([numbers, *vectors], axis=1).astype(np.float64)
    layer = 0
    while f"hidden.{layer}.weight" in weights:
        values = np.maximum(values @ weights[f"hidden.{layer}.weight"].T + weights[f"hidden.{layer}.bias"], 0.0)
        layer += 1
    return np.asarray(values @ weights["output.weight"].T + weights["output.bias"])
