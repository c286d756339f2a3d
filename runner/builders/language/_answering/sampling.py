"""Drawing tokens so that a row's draws are its own, whatever rows are beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers import LogitsProcessor, LogitsProcessorList
from transformers.generation.logits_process import (
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
    TypicalLogitsWarper,
)


class Drawn(LogitsProcessor):
    """Adds Gumbel noise, so that the likeliest token is a draw from the distribution (Gumbel, 1954).

    Every row has a generator of its own, from its seed: what it draws does not hang on its batch.
    """

    def __init__(self, seeds: Sequence[Sequence[int]]) -> None:
        self._generators = [np.random.default_rng(list(seed)) for seed in seeds]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        noise = np.stack([rng.gumbel(size=scores.shape[1]) for rng in self._generators])
        return scores + torch.from_numpy(noise).to(scores.device, scores.dtype)


def processors(options: Any, seeds: Sequence[Sequence[int]]) -> LogitsProcessorList:
    """What is done to a step's logits to draw, in the order of transformers' own sampling; nothing where none is."""
    found: list[LogitsProcessor] = []
    if options.temperature > 0:
        if options.temperature != 1:
            found.append(TemperatureLogitsWarper(float(options.temperature)))
        if options.top_k is not None:
            found.append(TopKLogitsWarper(options.top_k))
        if options.top_p is not None and options.top_p < 1:
            found.append(TopPLogitsWarper(float(options.top_p)))
        if options.min_p is not None:
            found.append(MinPLogitsWarper(float(options.min_p)))
        if options.typical_p is not None:
            found.append(TypicalLogitsWarper(float(options.typical_p)))
        found.append(Drawn(seeds))
    return LogitsProcessorList(found)
