"""The ``frozen`` embedding: [prompt; response] of a frozen sentence transformer through dense layers.

An LLM's vector is the mean of its pairs' unit vectors, at unit length.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch  # noqa: TID253 - only the worker and a predictor load this module
from torch import nn  # noqa: TID253

from runner.builders.routing._embedding_specs import Frozen
from runner.builders.routing._llm_pairs import HeldOut, Inputs, PairNetwork, Pairs, normalized
from runner.builders.routing._llm_training import Objective
from runner.builders.routing._llm_triplets import Triplets, triplet_loss

#: Anchors in a batch.
BATCH = 256


class FrozenNetwork(PairNetwork):
    """Dense layers, Linear and LeakyReLU(0.1), the last without."""

    def __init__(self, text_width: int, hidden: Sequence[int]) -> None:
        super().__init__()
        sizes = [2 * text_width, *hidden]
        layers: list[nn.Module] = []
        for before, after in zip(sizes[:-1], sizes[1:], strict=True):
            layers += [nn.Linear(before, after), nn.LeakyReLU(0.1)]
        self.layers = nn.Sequential(*layers[:-1])
        self.width = sizes[-1]

    def pairs(self, inputs: Inputs, rows: torch.Tensor) -> torch.Tensor:
        prompt, response = inputs.vectors[inputs.prompt[rows]], inputs.vectors[inputs.response[rows]]
        vectors: torch.Tensor = self.layers(torch.cat([prompt, response], dim=1))
        return vectors

    def pool(self, vectors: torch.Tensor) -> torch.Tensor:
        return normalized(normalized(vectors).mean(dim=1))


def network(spec: Frozen, text_width: int) -> FrozenNetwork:
    """A fresh network, from torch's generator."""
    return FrozenNetwork(text_width, spec.hidden_dims)


def objective(
    spec: Any, net: PairNetwork, inputs: Inputs, pairs: Pairs, held: HeldOut, batch: int = BATCH
) -> Objective:
    """Triplets over the training pairs, each the anchor once an epoch."""
    triplets = Triplets(pairs, held.train, spec.identity_positive_ratio, str(inputs.prompt.device))
    return Objective(
        batch_size=batch,
        order=lambda rng: rng.permutation(len(triplets)),
        loss=lambda rows: triplet_loss(
            net, inputs, triplets.draw(rows), spec.triplet_margin, spec.regularization_weight
        ),
    )
