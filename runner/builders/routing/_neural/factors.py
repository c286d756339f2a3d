"""Matrix factorization of prompts and LLMs (Ong et al., 2024), as a network."""

from __future__ import annotations

import torch
from torch import nn

from runner.training.network_parts import Parts, by_prefix


class Factors(nn.Module):
    """``score(M, q) = w2 . (v_M * (W1 v_q + b))`` with unit-length LLM vectors ``v_M``.

    ``noise`` is the deviation of the Gaussian noise on every component of ``v_q`` while training. Without the
    projection ``v_q`` itself stands in the product, so the LLM vectors are as long as it is.
    """

    def __init__(self, prompt_size: int, n_models: int, size: int, projected: bool, noise: float) -> None:
        super().__init__()
        self.model_embedding = nn.Embedding(n_models, size)
        self.projection = nn.Linear(prompt_size, size) if projected else None
        self.classifier = nn.Linear(size, 1, bias=False)
        self.noise = noise

    def forward(self, prompts: torch.Tensor, models: torch.Tensor) -> torch.Tensor:
        """float ``[B, prompt_size]`` and int ``[B]`` -> scores ``[B]``; two rows of one prompt have noise each."""
        if self.training and self.noise:
            prompts = prompts + self.noise * torch.randn_like(prompts)
        return (self.prompt_side(prompts) * self.llm_side()[models]).sum(dim=1)

    def parts(self) -> Parts:
        """See :mod:`runner.training.network_parts`."""
        return by_prefix(self, {"prompt": ("projection.",), "llm": ("model_embedding.",)})

    def prompt_side(self, prompts: torch.Tensor) -> torch.Tensor:
        """``W1 v_q + b``: float ``[P, prompt_size]`` -> ``[P, size]``."""
        return prompts if self.projection is None else self.projection(prompts)

    def llm_side(self) -> torch.Tensor:
        """``w2 * v_M`` of every LLM: float ``[M, size]``. A table of scores is ``llm_side @ prompt_side^T``."""
        return nn.functional.normalize(self.model_embedding.weight, dim=1) * self.classifier.weight
