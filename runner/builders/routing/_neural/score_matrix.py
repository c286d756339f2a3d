"""Scores of many prompts and LLMs at once, by networks whose first layer is a sum of a prompt's part and an LLM's.

The parts are computed once a prompt and once an LLM. What comes after them is matrix products over a few thousand pairs
at a time, so memory does not grow with the number of pairs.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch

#: Pairs computed at once: few enough that a layer's output stays in the processor's cache.
ROWS = 2048
#: Prompts whose part of the first layer is held at once.
PROMPTS = 16_384


class TwoSided(Protocol):
    """A network that scores a table of prompts and LLMs from what each of them gives alone."""

    def prompt_side(self, embeddings: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """float ``[P, E]`` and ``[P, 45]`` -> ``[P, F]``."""

    def scores(self, prompt_part: torch.Tensor, llm_part: torch.Tensor) -> torch.Tensor:
        """Every pair of ``[P, F]`` and ``[M, G]``: ``[P, M]``."""


def score_prompts(
    network: TwoSided, embeddings: np.ndarray, features: np.ndarray, llm_part: torch.Tensor
) -> np.ndarray:
    """float64 ``[M, P]`` of prompts (float32 ``[P, E]`` and ``[P, 45]``) and LLMs (their part, ``[M, G]``)."""
    table = np.empty((len(llm_part), len(embeddings)))
    with torch.inference_mode():
        for start in range(0, len(embeddings), PROMPTS):
            some = slice(start, start + PROMPTS)
            both = (torch.from_numpy(part[some]).to(llm_part.device) for part in (embeddings, features))
            table[:, some] = score_table(network, network.prompt_side(*both), llm_part).double().cpu().numpy()
    return table


def score_table(network: TwoSided, prompt_part: torch.Tensor, llm_part: torch.Tensor, rows: int = ROWS) -> torch.Tensor:
    """Scores of every prompt ``[P, F]`` and LLM ``[M, G]``: float ``[M, P]``, at most ``rows`` pairs at a time."""
    table = torch.empty(len(llm_part), len(prompt_part), device=prompt_part.device)
    with torch.inference_mode():
        for first in range(0, len(llm_part), rows):
            llms = llm_part[first : first + rows]
            at_once = rows // len(llms)
            for start in range(0, len(prompt_part), at_once):
                part = network.scores(prompt_part[start : start + at_once], llms)
                table[first : first + rows, start : start + at_once] = part.T
    return table
