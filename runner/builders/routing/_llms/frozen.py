"""The ``frozen`` embedding: [prompt; response] of a frozen sentence transformer through dense layers, on triplets."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import nn

from runner.builders.routing._fields.embedding_specs import Finetunable, Frozen
from runner.builders.routing._llms.embedding_training import Objective
from runner.builders.routing._llms.llm_holdout import HeldOut
from runner.builders.routing._llms.llm_pairs import Inputs, Pairs
from runner.builders.routing._llms.triplets import TripletNetwork, Triplets, triplet_loss

#: Anchors in a batch.
BATCH = 256
#: Dropout of what goes in: the LLMs of the training are few, and their own words are soon learned by heart.
DROPOUT = 0.2


class FrozenNetwork(TripletNetwork):
    """Dropout of the input, then dense layers: Linear and LeakyReLU(0.1), the last without."""

    def __init__(self, text_width: int, hidden: Sequence[int]) -> None:
        super().__init__(hidden[-1])
        layers: list[nn.Module] = [nn.Dropout(DROPOUT)]
        for before, after in itertools.pairwise([2 * text_width, *hidden]):
            layers += [nn.Linear(before, after), nn.LeakyReLU(0.1)]
        self.layers = nn.Sequential(*layers[:-1])

    def pairs(self, inputs: Inputs, rows: torch.Tensor) -> torch.Tensor:
        assert inputs.vectors is not None
        prompt, response = inputs.vectors[inputs.prompt[rows]], inputs.vectors[inputs.response[rows]]
        vectors: torch.Tensor = self.layers(torch.cat([prompt, response], dim=1))
        return vectors


def network(spec: Frozen, text_width: int) -> FrozenNetwork:
    """A fresh network, from torch's generator."""
    return FrozenNetwork(text_width, spec.hidden_dims)


def objective(
    spec: Frozen | Finetunable, net: TripletNetwork, inputs: Inputs, pairs: Pairs, held: HeldOut, batch: int = BATCH
) -> Objective:
    """Triplets over the training pairs, each the anchor once an epoch."""
    triplets = Triplets(pairs, held.train, spec.identity_positive_ratio, str(inputs.prompt.device))
    margin, weight = spec.triplet_margin, spec.regularization_weight
    return Objective(
        batch_size=batch,
        order=lambda rng: rng.permutation(len(triplets)),
        loss=lambda rows: triplet_loss(net, inputs, triplets.draw(rows), margin, weight),
    )
