"""The network of the transformer router: what a prompt asks for, times what an LLM has, element by element."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from runner.builders.routing._neural.embedding_networks import OUTPUT_SCALE, Block, initialise


class Interaction(nn.Module):
    """``score = head((W [prompt; features] + b) * (V llm + c))``, with ``*`` element by element.

    ``sizes`` are the lengths of a prompt's vector, its features and an LLM's vector. The head is blocks of Linear,
    LayerNorm, LeakyReLU(0.1) and dropout, one for each of ``hidden``; both projections are ``projection`` wide, without
    it as wide as the first of these. The LLM's vector enters the product and nothing else. ``bounded`` scores go
    through tanh, ``residual`` ones start from 0.
    """

    def __init__(
        self,
        sizes: tuple[int, int, int],
        *,
        hidden: Sequence[int],
        dropout: float,
        bounded: bool,
        projection: int | None = None,
        residual: bool = False,
    ) -> None:
        super().__init__()
        prompt, features, llm = sizes
        # Encoders differ in how long their vectors are; behind this they are on the scale of standardised features.
        self.norm = nn.LayerNorm(prompt)
        projection = projection or hidden[0]
        self.project_prompt = nn.Linear(prompt + features, projection)
        self.project_llm = nn.Linear(llm, projection)
        # An LLM's vector has length 1.
        self._llm_scale = llm**0.5
        widths = [projection, *hidden]
        self.head = nn.Sequential(
            *(Block(width, size, dropout, skip=False) for width, size in zip(widths, hidden, strict=False))
        )
        self.output = nn.Linear(hidden[-1], 1)
        self.apply(initialise)
        with torch.no_grad():
            self.output.weight *= 0.0 if residual else OUTPUT_SCALE
        self.bounded = bounded

    def prompt_side(self, vectors: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """What prompts ask for: float ``[P, E]`` and ``[P, F]`` -> ``[P, projection]``."""
        projected: torch.Tensor = self.project_prompt(torch.cat([self.norm(vectors), features], dim=1))
        return projected

    def llm_side(self, llms: torch.Tensor) -> torch.Tensor:
        """What LLMs have: float ``[M, V]`` -> ``[M, projection]``."""
        projected: torch.Tensor = self.project_llm(llms * self._llm_scale)
        return projected

    def pairs(self, prompt_part: torch.Tensor, llm_part: torch.Tensor) -> torch.Tensor:
        """Scores of pairs, ``[B]``, from both sides' parts, ``[B, projection]`` twice."""
        scores = self.output(self.head(prompt_part * llm_part)).squeeze(1)
        return torch.tanh(scores) if self.bounded else scores

    def scores(self, prompt_part: torch.Tensor, llm_part: torch.Tensor) -> torch.Tensor:
        """Every pair of some prompts ``[P, F]`` and LLMs ``[M, F]``: ``[P, M]``."""
        shape = (len(prompt_part), len(llm_part), -1)
        left, right = prompt_part[:, None].expand(shape), llm_part[None].expand(shape)
        return self.pairs(left.flatten(0, 1), right.flatten(0, 1)).view(shape[:2])
