"""Tokens in, tokens out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runner.errors import UsageError
from runner.generation.engine import Engine
from runner.generation.reply import Reply, need_count
from runner.tasks.generation.completions import Ending


@dataclass(frozen=True)
class TokenCompletion:
    """What came after a prompt."""

    #: With the one that ended it.
    tokens: list[int]
    #: The log-probability of each under the model, whatever the temperature.
    log_probs: list[float]
    finish_reason: Ending


class TokenCompleter:
    """Goes on with token ids. ``options`` are those of ``runner infer --set``, and hold for every request that names
    no others: ``max_new_tokens``, ``temperature``, ``top_k``, ``top_p``, ``seed``, ``stop``, ..."""

    def __init__(self, engine: Engine, **options: Any) -> None:
        self.engine, self._given = engine, options
        engine.options(options)

    def start(self, prompt: Sequence[int], *, copy: int = 0, **options: Any) -> Reply[int, TokenCompletion]:
        """Begin to answer; its pieces are tokens. ``copy`` tells requests apart that have the same prompt and seed.

        Raises :class:`~runner.errors.DataError` for a prompt that the model cannot read, and
        :class:`~runner.errors.UsageError` for options that there are not.
        """
        read = self.engine.options({"logprobs": True} | self._given | options)
        if read.n > 1:
            raise UsageError("a request is one answer", where="n", hint="`samples(prompt, count)` gives several")
        return self.engine.submit(self.engine.answerer.line(prompt, read, copy=copy), _Tokens())

    def complete(self, prompt: Sequence[int], **options: Any) -> TokenCompletion:
        """The answer to one prompt."""
        return self.start(prompt, **options).result()

    def complete_all(self, prompts: Sequence[Sequence[int]], **options: Any) -> list[TokenCompletion]:
        """Of each prompt, in their order, all at work together."""
        with self.engine.together():
            replies = [self.start(prompt, **options) for prompt in prompts]
        return [reply.result() for reply in replies]

    def samples(self, prompt: Sequence[int], count: int, **options: Any) -> list[TokenCompletion]:
        """Several answers to one prompt, each drawn by a seed of its own."""
        need_count(count)
        with self.engine.together():
            replies = [self.start(prompt, copy=copy, **options) for copy in range(count)]
        return [reply.result() for reply in replies]

    async def complete_async(self, prompt: Sequence[int], **options: Any) -> TokenCompletion:
        """The answer to one prompt. A task that is cancelled gives the request up."""
        reply = self.start(prompt, **options)
        try:
            return await reply
        finally:
            reply.cancel()


class _Tokens:
    """Every token is a piece."""

    def begin(self, line: Any) -> _Tokens:
        return self

    def add(self, token: int) -> int:
        return token

    def rest(self) -> None:
        return None

    def whole(self, line: Any, *, interrupted: bool) -> TokenCompletion:
        reason: Ending = "interrupted" if interrupted else "stop" if line.ended else "length"
        return TokenCompletion(list(line.made), list(line.log_probs), reason)
