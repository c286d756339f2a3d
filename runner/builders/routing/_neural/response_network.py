"""Three networks: a response's representation, the one that an LLM is expected to give, and the score of either."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from runner.builders.routing._neural.embedding_networks import (
    OUTPUT_SCALE,
    Block,
    PairTrunk,
    Standardized,
    initialise,
)
from runner.training.network_parts import Parts, by_prefix


class ResponseEncoder(nn.Module):
    """A real response, its embedding and its features -> its representation."""

    def __init__(self, sizes: tuple[int, int], hidden: Sequence[int], out: int, dropout: float, skip: bool) -> None:
        super().__init__()
        self.scale = Standardized(sizes[0])
        widths = [sum(sizes), *hidden]
        self.blocks = nn.Sequential(*(Block(width, size, dropout, skip) for width, size in pairwise(widths)))
        self.output = nn.Linear(widths[-1], out)
        self.apply(initialise)

    def forward(self, embeddings: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """float ``[B, E]`` and ``[B, 32]`` -> ``[B, R]``."""
        out: torch.Tensor = self.output(self.blocks(torch.cat([self.scale(embeddings), features], dim=1)))
        return out


class VectorScorer(nn.Module):
    """(prompt, representation of a response) -> score, through tanh where ``bounded``."""

    def __init__(
        self,
        sizes: tuple[int, int, int],
        projection: int,
        hidden: Sequence[int],
        dropout: float,
        skip: bool,
        bounded: bool,
    ) -> None:
        super().__init__()
        self.project_prompt, self.project_features, self.project_vector = (
            nn.Linear(size, projection) for size in sizes
        )
        widths = [3 * projection, *hidden]
        blocks = [Block(width, size, dropout, skip) for width, size in pairwise(widths)]
        self.first, self.later = blocks[0], nn.Sequential(*blocks[1:])
        self.output = nn.Linear(widths[-1], 1)
        self.apply(initialise)
        self.bounded = bounded

    def forward(self, embeddings: torch.Tensor, features: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
        """Prompts' standardised embeddings ``[B, E]``, features ``[B, F]``, vectors ``[B, R]`` -> ``[B]``."""
        parts = (self.project_prompt(embeddings), self.project_features(features), self.project_vector(vectors))
        return self._score(self.first(torch.cat(parts, dim=1)))

    def prompt_side(self, embeddings: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """The prompts' part of the first layer, with its bias: ``[P, F]``."""
        known = torch.cat([self.project_prompt(embeddings), self.project_features(features)], dim=1)
        return self.first.linear_part(nn.functional.pad(known, (0, known.shape[1] // 2)))

    def of_sums(self, prompt_part: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
        """Scores from the prompts' part ``[B, F]`` and the vectors ``[B, R]``: ``[B]``."""
        projected = self.project_vector(vectors)
        alone = nn.functional.pad(projected, (2 * projected.shape[1], 0))
        # Without the bias, which is the prompt's.
        linear = self.first.linear_part(alone) - self.first.linear_part(torch.zeros_like(alone[:1]))
        return self._score(self.first.rest(prompt_part + linear))

    def _score(self, hidden: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.output(self.later(hidden)).squeeze(1)
        return torch.tanh(scores) if self.bounded else scores


class ResponseNetwork(nn.Module):
    """Encoder, predictor and scorer; the predicted vector is what a prompt and an LLM are scored by."""

    def __init__(
        self,
        sizes: tuple[int, int, int],
        *,
        response_features: int,
        vector: int,
        encoder_hidden: Sequence[int],
        predictor_hidden: Sequence[int],
        predictor_projection: int,
        scorer_hidden: Sequence[int],
        scorer_projection: int,
        dropout: float,
        skip: bool,
        bounded: bool,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.encoder = ResponseEncoder((sizes[0], response_features), encoder_hidden, vector, dropout, skip)
        self.trunk = PairTrunk(sizes, predictor_projection, predictor_hidden, dropout, skip)
        self.foretell = nn.Linear(self.trunk.width, vector)
        initialise(self.foretell)
        self.scorer = VectorScorer((*sizes[:2], vector), scorer_projection, scorer_hidden, dropout, skip, bounded)
        #: Training steps taken: how far the warm-up is.
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.steps: torch.Tensor
        with torch.no_grad():
            self.scorer.output.weight *= 0.0 if residual else OUTPUT_SCALE

    def parts(self) -> Parts:
        """See :mod:`runner.training.network_parts`."""
        inputs = tuple(
            f"{network}.project_{name}." for network in ("trunk", "scorer") for name in ("prompt", "features")
        )
        return by_prefix(
            self,
            {
                "response": ("encoder.",),
                "prompt": inputs,
                "llm": ("trunk.project_llm.",),
                "prediction": ("trunk.", "foretell."),
            },
        )

    def encode(self, embeddings: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """The vectors of real responses: ``[B, E]``, ``[B, 32]`` -> ``[B, R]``."""
        out: torch.Tensor = self.encoder(embeddings, features)
        return out

    def predict(self, embeddings: torch.Tensor, features: torch.Tensor, llms: torch.Tensor) -> torch.Tensor:
        """The vectors that responses are expected to have: ``[B, E]``, ``[B, 45]``, ``[B, V]`` -> ``[B, R]``."""
        out: torch.Tensor = self.foretell(self.trunk(embeddings, features, llms))
        return out

    def score(self, embeddings: torch.Tensor, features: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
        """Scores of vectors, real or predicted, for prompts: ``[B]``."""
        out: torch.Tensor = self.scorer(self.trunk.prompt_scale(embeddings), features, vectors)
        return out

    def forward(self, embeddings: torch.Tensor, features: torch.Tensor, llms: torch.Tensor) -> torch.Tensor:
        """The scores of (prompt, LLM) pairs, by their predicted vectors: ``[B]``."""
        return self.score(embeddings, features, self.predict(embeddings, features, llms))

    def prompt_side(self, embeddings: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """All that a prompt gives alone, ``[P, F]``: to the predictor, and to the scorer."""
        known = self.scorer.prompt_side(self.trunk.prompt_scale(embeddings), features)
        return torch.cat([self.trunk.prompt_side(embeddings, features), known], dim=1)

    def llm_side(self, llms: torch.Tensor) -> torch.Tensor:
        """All that an LLM gives alone, ``[M, F]``: to the predictor."""
        return self.trunk.llm_side(llms)

    def scores(self, prompt_part: torch.Tensor, llm_part: torch.Tensor) -> torch.Tensor:
        """Every pair of some prompts ``[P, ...]`` and LLMs ``[M, F]``: ``[P, M]``."""
        trunk, known = prompt_part.tensor_split([llm_part.shape[1]], dim=1)
        vectors = self.foretell(self.trunk.of_sums(trunk, llm_part))
        scores = self.scorer.of_sums(known.repeat_interleave(len(llm_part), dim=0), vectors)
        return scores.view(len(prompt_part), len(llm_part))
