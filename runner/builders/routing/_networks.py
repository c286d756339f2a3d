"""The networks of the neural routers."""

from __future__ import annotations

from collections.abc import Sequence

import torch  # noqa: TID253 - only the worker and a predictor load this module
from torch import nn  # noqa: TID253


class DenseScorer(nn.Module):
    """A score for a (prompt, LLM) pair: [prompt vector; learned LLM vector] -> hidden layers -> tanh.

    Hidden layers are Linear, LeakyReLU(0.1), dropout.
    """

    def __init__(
        self, prompt_size: int, n_models: int, id_size: int, hidden: Sequence[int], dropout: float = 0.2
    ) -> None:
        super().__init__()
        self.model_embedding = nn.Embedding(n_models, id_size)
        layers: list[nn.Module] = []
        width = prompt_size + id_size
        for size in hidden:
            layers += [nn.Linear(width, size), nn.LeakyReLU(0.1), nn.Dropout(dropout)]
            width = size
        layers.append(nn.Linear(width, 1))
        self.layers = nn.Sequential(*layers)

    def forward(self, prompts: torch.Tensor, models: torch.Tensor) -> torch.Tensor:
        """float ``[B, prompt_size]`` and int ``[B]`` -> scores in (-1, 1), ``[B]``."""
        pair = torch.cat([prompts, self.model_embedding(models)], dim=1)
        return torch.tanh(self.layers(pair)).squeeze(1)
