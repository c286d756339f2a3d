"""The networks of the neural routers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from runner.training.network_parts import Parts


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

    def prompt_side(self, embeddings: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """The prompts' part of the first layer, with its bias: ``[P, E]``, ``[P, 45]`` -> ``[P, F]``."""
        prompts, first = torch.cat([embeddings, features], dim=1), self._first()
        return nn.functional.linear(prompts, first.weight[:, : prompts.shape[1]], first.bias)

    def llm_side(self) -> torch.Tensor:
        """The LLMs' part of the first layer: ``[M, F]``. A pair's is the sum of its prompt's and its LLM's."""
        own = self.model_embedding.weight
        return nn.functional.linear(own, self._first().weight[:, -own.shape[1] :])

    def scores(self, prompt_part: torch.Tensor, llm_part: torch.Tensor) -> torch.Tensor:
        """Every pair of some prompts ``[P, F]`` and LLMs ``[M, F]``: ``[P, M]``."""
        pairs = self.layers[1:]((prompt_part[:, None] + llm_part).flatten(0, 1))
        return torch.tanh(pairs).view(len(prompt_part), len(llm_part))

    def parts(self) -> Parts:
        """See :mod:`runner.training.network_parts`. The first layer's columns are the prompt's, then the LLM's."""
        first, own = self._first(), self.model_embedding.weight
        width = own.shape[1]
        of_prompt = (first.weight, (slice(None), slice(None, -width)))
        of_llm = (first.weight, (slice(None), slice(-width, None)))
        after = [(parameter, ...) for parameter in (first.bias, *self.layers[1:].parameters())]
        return {"prompt": [of_prompt], "llm": [(own, ...), of_llm], "interaction": after}

    def _first(self) -> nn.Linear:
        first = self.layers[0]
        assert isinstance(first, nn.Linear)
        return first
