"""Answers of several prompts, one token of each after the other."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from runner.builders.language._answering.sampling import Choice


@dataclass
class Line:
    """A prompt, and what is made of it so far."""

    prompt: list[int]
    #: Seeds of what it draws.
    seed: Sequence[int]
    #: The tokens made, with the one that ended it; and the log-probability of each, where they are asked for.
    made: list[int] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)
    #: Whether its last token is one that ends an answer.
    ended: bool = False
    #: Whether no more is made of it. Whoever reads the lines may say so.
    done: bool = False


def decode(
    model: Any, lines: Sequence[Line], options: Any, *, ends: Collection[int], padding: int, longest: int
) -> Iterator[list[Line]]:
    """After every step the lines that have a token more, until all are done.

    Lines are fed together, padded on the left; those that are done leave, so that they cost no more. ``longest`` is
    how many tokens a line may have, prompt included: a prompt has fewer.
    """
    alive = list(lines)
    choice = Choice(options, [line.seed for line in alive], [line.prompt for line in alive], ends)
    fed = _Fed(model, [line.prompt for line in alive], padding)
    while True:
        # Never around a yield: who reads the lines would compute in this mode too.
        with torch.inference_mode():
            logits = fed.logits()
            tokens = choice.of(logits)
            given = _log_probs(logits, tokens) if options.logprobs else None
        told = []
        for at, (line, token) in enumerate(zip(alive, tokens.tolist(), strict=True)):
            if line.done:
                continue
            line.made.append(token)
            if given is not None:
                line.log_probs.append(given[at])
            line.ended = token in ends
            line.done = (
                line.ended or len(line.made) >= options.max_new_tokens or len(line.prompt) + len(line.made) >= longest
            )
            told.append(line)
        yield told
        left = [at for at, line in enumerate(alive) if not line.done]
        if not left:
            return
        with torch.inference_mode():
            # What is kept of the others is copied, so a few are waited for.
            if len(alive) - len(left) >= max(1, len(alive) // 8):
                alive, tokens = [alive[at] for at in left], tokens[left]
                choice.keep(left)
                fed.keep(left)
            fed.add(tokens)


def _log_probs(logits: torch.Tensor, tokens: torch.Tensor) -> list[float]:
    chosen = torch.log_softmax(logits, dim=-1).gather(1, tokens.unsqueeze(1)).squeeze(1)
    return [float(value) for value in chosen.tolist()]


class _Fed:
    """What the model was fed, and what it keeps of it."""

    def __init__(self, model: Any, prompts: Sequence[list[int]], padding: int) -> None:
        inner = model.get_base_model() if hasattr(model, "get_base_model") else model
        self._model = model
        # A model of states keeps no keys and values that lines could be taken from: it is fed everything anew.
        self._cached = not getattr(inner, "_is_stateful", False)
        self._positioned = "position_ids" in inspect.signature(inner.forward).parameters
        width, device = max(map(len, prompts)), model.device
        self._ids = torch.tensor([[padding] * (width - len(row)) + row for row in prompts], device=device)
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in prompts], device=device)
        # Lines of one length need no mask.
        self._mask = None if bool(mask.all()) else mask
        self._past: Any = None

    def logits(self) -> torch.Tensor:
        """Of the next token of every line, float32 ``[B, V]``."""
        words: dict[str, Any] = {"input_ids": self._ids, "attention_mask": self._mask, "logits_to_keep": 1}
        if self._mask is not None and self._positioned:
            positions = (self._mask.cumsum(dim=1) - 1).clamp(min=0)
            words["position_ids"] = positions[:, -self._ids.shape[1] :]
        if self._cached:
            words |= {"past_key_values": self._past, "use_cache": True}
        out = self._model(**words)
        if self._cached:
            self._past = out.past_key_values
        logits: torch.Tensor = out.logits[:, -1].float()
        return logits

    def add(self, tokens: torch.Tensor) -> None:
        """One token more of every line, int64 ``[B]``."""
        new = tokens.unsqueeze(1)
        self._ids = new if self._cached else torch.cat([self._ids, new], dim=1)
        if self._mask is not None:
            self._mask = torch.cat([self._mask, torch.ones_like(new)], dim=1)

    def keep(self, lines: list[int]) -> None:
        """Only these lines from now on."""
        picked = torch.tensor(lines, device=self._ids.device)
        self._ids = self._ids[picked]
        if self._mask is not None:
            self._mask = self._mask[picked]
        if self._past is not None:
            self._past.batch_select_indices(picked)
