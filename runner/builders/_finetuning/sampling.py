"""Choosing tokens so that what a row draws is its own, whatever rows are beside it and however those are drawn."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

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


class Drawing(NamedTuple):
    """How a token is chosen: rows that have this in common are computed in one go."""

    temperature: float
    top_k: int | None
    top_p: float | None
    min_p: float | None
    typical_p: float | None
    repetition_penalty: float

    @classmethod
    def of(cls, options: Any) -> Drawing:
        """The part of a row's options that is about drawing."""
        return cls(*(getattr(options, name) for name in cls._fields))


class Choice:
    """What one row chooses: the likeliest token, or one that is drawn by the row's own generator, from its seed.

    ``prompt`` are the row's tokens so far, ``ends`` those that end its answer.
    """

    def __init__(self, options: Any, seed: Sequence[int], prompt: Sequence[int], ends: Collection[int]) -> None:
        self.drawing = Drawing.of(options)
        self._least, self._made = options.min_new_tokens, 0
        self._ends, self._prompt = sorted(ends), prompt
        self._generator = np.random.default_rng(list(seed))
        #: bool ``[V]``: tokens that the row has, where having them counts.
        self._seen: torch.Tensor | None = None

    @property
    def barred(self) -> list[int]:
        """The tokens that it may not choose now: those that would end an answer that is too short."""
        return self._ends if self._made < self._least else []

    def seen(self, like: torch.Tensor) -> torch.Tensor:
        """The tokens that the row has so far, bool ``[V]`` as its logits are long."""
        if self._seen is None:
            self._seen = torch.zeros(like.shape, dtype=torch.bool, device=like.device)
            self._seen[list(self._prompt)] = True
        return self._seen

    def random(self) -> float:
        """The next number of the row's own, uniform in [0, 1)."""
        return self._generator.random()

    def took(self, token: torch.Tensor) -> None:
        """It has this token now, int64 ``[]``."""
        self._made += 1
        if self._seen is not None:
            self._seen[token] = True


def seed_of(key: bytes | None, seed: int) -> int:
    """What is drawn from for a row: from what it asks (``key``), and the seed that was given."""
    told = hashlib.blake2b((key or b"") + seed.to_bytes(8, "little"), digest_size=8)
    return int.from_bytes(told.digest(), "little")


def chosen(choices: Sequence[Choice], logits: torch.Tensor) -> torch.Tensor:
    """The next token of every row, int64 ``[B]``, for logits ``[B, V]``, which stay as they are."""
    groups: dict[Drawing, list[int]] = {}
    for row, choice in enumerate(choices):
        groups.setdefault(choice.drawing, []).append(row)
    if len(groups) == 1:
        tokens = _alike(choices, logits)
    else:
        tokens = torch.empty(len(choices), dtype=torch.int64, device=logits.device)
        for rows in groups.values():
            picked = torch.tensor(rows, device=logits.device)
            tokens[picked] = _alike([choices[row] for row in rows], logits[picked])
    for choice, token in zip(choices, tokens, strict=True):
        choice.took(token)
    return tokens


def _alike(choices: Sequence[Choice], logits: torch.Tensor) -> torch.Tensor:
    """The same of rows that are drawn alike."""
    drawing, scores = choices[0].drawing, logits
    barred = [(row, choice.barred) for row, choice in enumerate(choices) if choice.barred]
    if barred:
        scores = scores.clone()
        for row, ends in barred:
            scores[row, ends] = -torch.inf
    if drawing.repetition_penalty != 1:
        scores = _penalised(choices, scores, drawing.repetition_penalty)
    return _drawn(choices, scores, drawing) if drawing.temperature > 0 else scores.argmax(dim=-1)


def _penalised(choices: Sequence[Choice], logits: torch.Tensor, penalty: float) -> torch.Tensor:
    """Keskar et al., "CTRL" (2019), section 4.1: logits of tokens that were there are made less."""
    seen = torch.stack([choice.seen(row) for choice, row in zip(choices, logits, strict=True)])
    less = torch.where(logits < 0, logits * penalty, logits / penalty)
    return torch.where(seen, less, logits)


def _drawn(choices: Sequence[Choice], logits: torch.Tensor, drawing: Drawing) -> torch.Tensor:
    """The token at whose place the sum of the odds passes a number that is uniform in [0, 1)."""
    none = torch.empty((len(logits), 0), dtype=torch.int64, device=logits.device)
    odds = torch.softmax(warpers(drawing)(none, logits).double(), dim=-1).cumsum(dim=-1)  # type: ignore[arg-type]
    drawn = torch.from_numpy(np.array([choice.random() for choice in choices])).to(odds.device)
    found = torch.searchsorted(odds, drawn.unsqueeze(1) * odds[:, -1:], right=True)
    return found.squeeze(1).clamp(max=odds.shape[1] - 1)


@lru_cache(maxsize=64)
def warpers(drawing: Drawing) -> LogitsProcessorList:
    """What is done to a step's logits before one is drawn, in the order of transformers' own sampling."""
    found: list[LogitsProcessor] = []
    if drawing.temperature != 1 and drawing.temperature > 0:
        found.append(TemperatureLogitsWarper(float(drawing.temperature)))
    if drawing.top_k is not None:
        found.append(TopKLogitsWarper(drawing.top_k))
    if drawing.top_p is not None and drawing.top_p < 1:
        found.append(TopPLogitsWarper(float(drawing.top_p)))
    if drawing.min_p is not None:
        found.append(MinPLogitsWarper(float(drawing.min_p)))
    if drawing.typical_p is not None:
        found.append(TypicalLogitsWarper(float(drawing.typical_p)))
    return LogitsProcessorList(found)
