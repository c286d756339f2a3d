"""Choosing tokens so that what a row draws is its own, whatever rows are beside it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
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


class Choice:
    """The next token of every row: the likeliest, or one that is drawn by the row's own generator, from its seed.

    ``prompts`` are the rows' tokens so far, ``ends`` those that end an answer.
    """

    def __init__(
        self, options: Any, seeds: Sequence[Sequence[int]], prompts: Sequence[Sequence[int]], ends: Collection[int]
    ) -> None:
        self._options, self._ends, self._made = options, sorted(ends), 0
        self._generators = [np.random.default_rng(list(seed)) for seed in seeds]
        self._warpers = warpers(options)
        self._prompts = prompts
        #: bool ``[B, V]``: tokens that a row has, where having them counts.
        self._seen: torch.Tensor | None = None

    def of(self, logits: torch.Tensor) -> torch.Tensor:
        """int64 ``[B]`` for logits ``[B, V]``, which stay as they are."""
        options, scores = self._options, logits
        if self._made < options.min_new_tokens and self._ends:
            scores = scores.clone()
            scores[:, self._ends] = -torch.inf
        if options.repetition_penalty != 1:
            scores = self._penalised(scores)
        tokens = self._drawn(scores) if options.temperature > 0 else scores.argmax(dim=-1)
        if self._seen is not None:
            self._seen.scatter_(1, tokens.unsqueeze(1), True)
        self._made += 1
        return tokens

    def keep(self, rows: Sequence[int]) -> None:
        """Only these rows from now on."""
        self._generators = [self._generators[row] for row in rows]
        if self._seen is not None:
            self._seen = self._seen[list(rows)]

    def _penalised(self, logits: torch.Tensor) -> torch.Tensor:
        """Keskar et al., "CTRL" (2019), section 4.1: logits of tokens that were there are made less."""
        if self._seen is None:
            self._seen = torch.zeros(logits.shape, dtype=torch.bool, device=logits.device)
            for row, prompt in zip(self._seen, self._prompts, strict=True):
                row[list(prompt)] = True
        penalty = self._options.repetition_penalty
        less = torch.where(logits < 0, logits * penalty, logits / penalty)
        return torch.where(self._seen, less, logits)

    def _drawn(self, logits: torch.Tensor) -> torch.Tensor:
        """The token at whose place the sum of the odds passes a number that is uniform in [0, 1)."""
        none = torch.empty((len(logits), 0), dtype=torch.int64, device=logits.device)
        odds = torch.softmax(self._warpers(none, logits).double(), dim=-1).cumsum(dim=-1)  # type: ignore[arg-type]
        drawn = torch.from_numpy(np.array([rng.random() for rng in self._generators])).to(odds.device)
        found = torch.searchsorted(odds, drawn.unsqueeze(1) * odds[:, -1:], right=True)
        return found.squeeze(1).clamp(max=odds.shape[1] - 1)


def warpers(options: Any) -> LogitsProcessorList:
    """What is done to a step's logits before one is drawn, in the order of transformers' own sampling."""
    found: list[LogitsProcessor] = []
    if options.temperature != 1 and options.temperature > 0:
        found.append(TemperatureLogitsWarper(float(options.temperature)))
    if options.top_k is not None:
        found.append(TopKLogitsWarper(options.top_k))
    if options.top_p is not None and options.top_p < 1:
        found.append(TopPLogitsWarper(float(options.top_p)))
    if options.min_p is not None:
        found.append(MinPLogitsWarper(float(options.min_p)))
    if options.typical_p is not None:
        found.append(TypicalLogitsWarper(float(options.typical_p)))
    return LogitsProcessorList(found)
