"""Tokens that are drawn while transformers writes, so that what a row draws is its own, whatever rows are beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import LogitsProcessor, LogitsProcessorList

from runner.builders._finetuning.sampling import Choice, chosen


class DrawnTokens(LogitsProcessor):
    """Leaves one token of each row's odds: the one that the row's own generator draws. It comes last."""

    def __init__(self, choices: Sequence[Choice]) -> None:
        self._choices = choices

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """Odds ``[B, V]`` of which all but the drawn one are none."""
        tokens = chosen(self._choices, scores)
        left = torch.full_like(scores, -torch.inf)
        return left.scatter_(1, tokens.unsqueeze(1), 0.0)  # type: ignore[return-value]


def drawing(options: Any, seeds: Sequence[Sequence[int]]) -> LogitsProcessorList:
    """For ``generate``: what is drawn of each of its rows hangs on the row's seed alone."""
    # What was written before, and how long it is, the library looks after.
    plain = options.model_copy(update={"repetition_penalty": 1.0, "min_new_tokens": 0})
    return LogitsProcessorList([DrawnTokens([Choice(plain, seed, [], []) for seed in seeds])])
