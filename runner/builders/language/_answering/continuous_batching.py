"""Continuous batching: answers of several prompts, a token of each at a time. Lines join and leave between steps."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from runner.builders._finetuning.sampling import Choice, chosen
from runner.builders.language._answering.key_value_cache import FedLines


@dataclass(eq=False)
class Line:
    """A prompt, how it is answered, and what is made of it so far."""

    prompt: list[int]
    #: Seeds of what it draws.
    seed: Sequence[int]
    #: Of :class:`~runner.tasks.generation.options.GenerationOptions`: its own, whatever is beside it.
    options: Any
    #: The tokens that end it, and the texts.
    ends: Collection[int] = ()
    stops: Sequence[str] = ()
    #: The tokens made, with the one that ended it; and the log-probability of each, where they are asked for.
    made: list[int] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)
    #: How many of the likeliest tokens are told in each one's place, and these with their log-probabilities.
    beside: int = 0
    likeliest: list[list[tuple[int, float]]] = field(default_factory=list)
    #: Whether it is computed by itself, so that not even the last digit hangs on what is decoded at the same time.
    alone: bool = False
    #: Whether it has ended by itself: its last token is one of ``ends``, or one of ``stops`` is in its text.
    ended: bool = False
    #: Whether no more is made of it. Whoever reads the lines may say so.
    done: bool = False

    def take(self, token: int, log_prob: float | None, longest: int) -> None:
        """One token more."""
        self.made.append(token)
        if log_prob is not None:
            self.log_probs.append(log_prob)
        self.ended = token in self.ends
        whole = len(self.made) >= self.options.max_new_tokens or len(self.prompt) + len(self.made) >= longest
        self.done = self.ended or whole


class Decoding:
    """Lines that one model goes on with, together.

    ``longest`` is how many tokens a line may have, prompt included: a prompt has fewer. ``rows`` is how many lines are
    decoded at a time, and ``tokens`` how many tokens they may come to in the end, padding included; without them, all
    that are there. A line that finds no room waits, and none that came later goes before it.
    """

    def __init__(
        self, model: Any, *, padding: int, longest: int, rows: int | None = None, tokens: int | None = None
    ) -> None:
        self._model, self._padding, self._longest = model, padding, longest
        self._rows, self._tokens = rows, tokens
        self._waiting: deque[Line] = deque()
        #: One, but for models that keep what cannot be put together.
        self._batches: list[_Batch] = []

    def join(self, lines: Iterable[Line]) -> None:
        """Answer these too: from the next step on, or as soon as there is room."""
        self._waiting.extend(lines)

    @property
    def busy(self) -> bool:
        """Whether a line is not done yet."""
        return any(not line.done for line in (*self._waiting, *self._running()))

    def step(self) -> list[Line]:
        """One token more of every line that is decoded; these lines. None of them is a line that was done before."""
        with torch.inference_mode():
            self._batches = [batch for batch in self._batches if batch.without_done()]
            self._unite()
            joining = self._admitted()
            together = [line for line in joining if not line.alone]
            for lines in ([together] if together else []) + [[line] for line in joining if line.alone]:
                self._batches.append(_Batch(self._model, lines, self._padding))
            return [line for batch in self._batches for line in batch.step(self._longest)]

    def _running(self) -> Iterator[Line]:
        return (line for batch in self._batches for line in batch.lines)

    def _admitted(self) -> list[Line]:
        """The waiting lines that there is room for."""
        running = [line for line in self._running() if not line.done]
        count, widest = len(running), max(map(self._length, running), default=0)
        joining: list[Line] = []
        while self._waiting:
            line = self._waiting[0]
            if not line.done:
                count, widest = count + 1, max(widest, self._length(line))
                full = (self._rows is not None and count > self._rows) or (
                    self._tokens is not None and count * widest > self._tokens
                )
                if full and count > 1:
                    break
                joining.append(line)
            self._waiting.popleft()
        return joining

    def _length(self, line: Line) -> int:
        return min(len(line.prompt) + int(line.options.max_new_tokens), self._longest)

    def _unite(self) -> None:
        """Put what was fed apart together, so that a step is one computation."""
        together = [batch for batch in self._batches if not batch.alone]
        if len(together) > 1 and all(batch.fed.unites for batch in together):
            first, *others = together
            for other in others:
                first.unite(other)
            self._batches = [first, *(batch for batch in self._batches if batch.alone)]


class _Batch:
    """Lines that are fed together, padded on the left; those that are done leave, so that they cost no more."""

    def __init__(self, model: Any, lines: Sequence[Line], padding: int) -> None:
        self.lines = list(lines)
        self.fed = FedLines(model, [line.prompt for line in lines], padding)
        self._choices = [Choice(line.options, line.seed, line.prompt, line.ends) for line in lines]
        #: What was chosen and is not fed yet, int64 ``[B]``.
        self._tokens: torch.Tensor | None = None

    @property
    def alone(self) -> bool:
        """Whether nothing joins it."""
        return self.lines[0].alone

    def without_done(self) -> bool:
        """Let go of lines that are done. False: there are no others."""
        left = [at for at, line in enumerate(self.lines) if not line.done]
        # What is kept of the others is copied, so a few are waited for.
        if left and len(self.lines) - len(left) >= max(1, len(self.lines) // 8):
            self.lines = [self.lines[at] for at in left]
            self._choices = [self._choices[at] for at in left]
            self._tokens = None if self._tokens is None else self._tokens[left]
            self.fed.keep(left)
        return bool(left)

    def step(self, longest: int) -> list[Line]:
        """One token more of every line; those that have one."""
        if self._tokens is not None:
            self.fed.add(self._tokens)
        logits = self.fed.logits()
        self._tokens = chosen(self._choices, logits)
        asked = any(line.options.logprobs for line in self.lines)
        given = _log_probs(logits, self._tokens) if asked else [None] * len(self.lines)
        told = []
        for at, (line, token, log_prob) in enumerate(zip(self.lines, self._tokens.tolist(), given, strict=True)):
            if not line.done:
                if line.beside:
                    line.likeliest.append(_likeliest(logits[at], line.beside))
                line.take(token, log_prob if line.options.logprobs else None, longest)
                told.append(line)
        return told

    def unite(self, other: _Batch) -> None:
        """Take the other's lines in. Both have been fed to their last tokens but one."""
        assert self._tokens is not None and other._tokens is not None
        self.lines += other.lines
        self._choices += other._choices
        self._tokens = torch.cat([self._tokens, other._tokens])
        self.fed.unite(other.fed)


def decode(model: Any, lines: Sequence[Line], *, padding: int, longest: int) -> Iterator[list[Line]]:
    """After every step the lines that have a token more, until all are done."""
    decoding = Decoding(model, padding=padding, longest=longest)
    decoding.join(lines)
    while decoding.busy:
        # Never around a yield: who reads the lines would compute in inference mode too.
        yield decoding.step()


def _log_probs(logits: torch.Tensor, tokens: torch.Tensor) -> list[float]:
    found = torch.log_softmax(logits, dim=-1).gather(1, tokens.unsqueeze(1)).squeeze(1)
    return [float(value) for value in found.tolist()]


def _likeliest(logits: torch.Tensor, count: int) -> list[tuple[int, float]]:
    """Of one line's logits, float ``[V]``: the likeliest tokens with their log-probabilities, the likeliest first."""
    values, tokens = torch.log_softmax(logits, dim=-1).topk(min(count, len(logits)))
    return list(zip(tokens.tolist(), values.tolist(), strict=True))
