"""The network that foretells an LLM's response to a prompt, as an embedding, and scores what it foretold."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from runner.builders.routing._neural.embedding_networks import (
    OUTPUT_SCALE,
    Block,
    PairTrunk,
    Standardized,
    initialise,
)


class ResponseScorer(nn.Module):
    """(prompt, LLM) -> the response's embedding, a unit vector -> with the prompt -> a score.

    What is foretold is ``hidden W + share * prompt embedding + mean``, brought to length 1: a response is about what
    its prompt is about, so the network learns what an LLM adds. The score has no other way to the LLM.
    """

    def __init__(
        self,
        sizes: tuple[int, int, int],
        *,
        projection: int,
        hidden: Sequence[int],
        scorer_hidden: Sequence[int],
        dropout: float,
        skip: bool,
        bounded: bool,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.trunk = PairTrunk(sizes, projection, hidden, dropout, skip)
        width = sizes[0]
        self.response = nn.Linear(self.trunk.width, width)
        self.prompt_share = nn.Parameter(torch.ones(1))
        self.response_scale = Standardized(width)
        self.project_response = nn.Linear(width, projection)
        widths = [3 * projection, *scorer_hidden]
        blocks = [Block(width, size, dropout, skip) for width, size in zip(widths, scorer_hidden, strict=False)]
        self.first, self.later = blocks[0], nn.Sequential(*blocks[1:])
        self.output = nn.Linear(widths[-1], 1)
        for part in (self.response, self.project_response, self.first, self.later, self.output):
            part.apply(initialise)
        with torch.no_grad():
            # Before anything is learned every LLM gives the same response, and a residual is 0.
            self.response.weight *= 0.0
            self.output.weight *= 0.0 if residual else OUTPUT_SCALE
        self.bounded = bounded

    def start_from(self, prompts: torch.Tensor, responses: torch.Tensor) -> None:
        """Foretell the mean response of a prompt, from the embeddings of prompts and of responses, ``[n, E]`` each."""
        with torch.no_grad():
            self.response.bias.copy_((responses - self.prompt_share * prompts).mean(dim=0))
        self.response_scale.fit(responses)

    def forward(
        self, embeddings: torch.Tensor, features: torch.Tensor, llms: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """float ``[B, E]``, ``[B, 45]``, ``[B, V]`` -> scores ``[B]`` and foretold responses ``[B, E]``."""
        foretold = self._foretell(self.trunk(embeddings, features, llms), embeddings)
        known = torch.cat(self.trunk.project(embeddings, features), dim=1)
        response = self.project_response(self.response_scale(foretold))
        return self._score(self.first(torch.cat([known, response], dim=1))), foretold

    def prompt_side(self, embeddings: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """All that a prompt gives alone, ``[P, F]``: to the trunk, to the scorer, and to the foretold response."""
        known = torch.cat(self.trunk.project(embeddings, features), dim=1)
        scorer = self.first.linear_part(nn.functional.pad(known, (0, known.shape[1] // 2)))
        return torch.cat([self.trunk.prompt_side(embeddings, features), scorer, embeddings], dim=1)

    def llm_side(self, llms: torch.Tensor) -> torch.Tensor:
        """All that an LLM gives alone, ``[M, F]``: to the trunk."""
        return self.trunk.llm_side(llms)

    def scores(self, prompt_part: torch.Tensor, llm_part: torch.Tensor) -> torch.Tensor:
        """Every pair of some prompts ``[P, ...]`` and LLMs ``[M, F]``: ``[P, M]``."""
        parts = (llm_part.shape[1], prompt_part.shape[1] - llm_part.shape[1] - self.response.out_features)
        trunk, scorer, embeddings = prompt_part.split([*parts, self.response.out_features], dim=1)
        n_llms = len(llm_part)
        hidden = self.trunk.of_sums(trunk, llm_part)
        foretold = self._foretell(hidden, embeddings.repeat_interleave(n_llms, dim=0))
        response = self.project_response(self.response_scale(foretold))
        alone = nn.functional.pad(response, (2 * response.shape[1], 0))
        linear = self.first.linear_part(alone) - self.first.linear_part(torch.zeros_like(alone[:1]))
        whole = self.first.rest(linear + scorer.repeat_interleave(n_llms, dim=0))
        return self._score(whole).view(len(prompt_part), n_llms)

    def _foretell(self, hidden: torch.Tensor, embeddings: torch.Tensor) -> torch.Tensor:
        return nn.functional.normalize(self.response(hidden) + self.prompt_share * embeddings, dim=1)

    def _score(self, hidden: torch.Tensor) -> torch.Tensor:
        """From the scorer's first block."""
        scores: torch.Tensor = self.output(self.later(hidden)).squeeze(1)
        return torch.tanh(scores) if self.bounded else scores


def likeness(foretold: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """The cosine of unit vectors, row by row: ``[B, E]`` twice -> ``[B]``."""
    return (foretold * real).sum(dim=1)
