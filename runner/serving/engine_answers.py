"""Answers of one engine as a completer gives them: pieces with their tokens, and what they came to."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from runner.errors import RunnerError
from runner.generation.reply import Reply
from runner.serving.completions import Finish, Piece, Refusal, Token, Usage
from runner.serving.joined_answers import merged

#: The log-probability of what cannot be, as OpenAI's has it.
IMPOSSIBLE = -9999.0


class PieceReader:
    """Makes pieces of a line's tokens, for an engine's reply.

    ``index`` is which of the answers it is; ``parted`` has a chat model's reasoning told apart; ``told`` has pieces
    come with their tokens.
    """

    def __init__(self, answerer: Any, index: int, *, parted: bool, told: bool) -> None:
        self._answerer, self._index, self._parted, self._told = answerer, index, parted, told

    def begin(self, line: Any) -> _Reading:
        growing = self._answerer.growing() if self._parted else None
        return _Reading(self._answerer, line, self._index, growing, told=self._told)

    def whole(self, line: Any, *, interrupted: bool) -> Finish | None:
        """Why it ended; None where it was given up."""
        if interrupted:
            return None
        return "stop" if line.ended else "length"


class _Reading:
    def __init__(self, answerer: Any, line: Any, index: int, growing: Any, *, told: bool) -> None:
        self._pieces, self._tokenizer = answerer.pieces(line), answerer.tokenizer
        self._line, self._index, self._growing, self._told = line, index, growing, told
        self._seen = 0
        #: Tokens whose text was not shown yet.
        self._held: list[Token] = []

    def add(self, token: int) -> Piece | None:
        if self._told:
            self._held.append(self._token(token))
        self._seen += 1
        text: str = self._pieces.add(token)
        return self._piece(*(self._growing.add(text) if self._growing is not None else (text, "")))

    def rest(self) -> Piece | None:
        text: str = self._pieces.rest()
        if self._growing is None:
            return self._piece(text, "", over=True)
        said, ended = self._growing.add(text), self._growing.rest()
        return self._piece(said[0] + ended[0], said[1] + ended[1], over=True)

    def _piece(self, text: str, reasoning: str, *, over: bool = False) -> Piece | None:
        if not (text or reasoning or (over and self._held)):
            return None
        tokens, self._held = tuple(self._held), []
        return Piece(text, self._index, reasoning, tokens=tokens)

    def _token(self, token: int) -> Token:
        at, line = self._seen, self._line
        log_prob = line.log_probs[at] if at < len(line.log_probs) else None
        beside = line.likeliest[at] if at < len(line.likeliest) else []
        top = tuple((self._tokenizer.decode([other]), _finite(value)) for other, value in beside)
        return Token(self._tokenizer.decode([token]), None if log_prob is None else _finite(log_prob), top, token)


def _finite(log_prob: float) -> float:
    """A number that JSON has. Raises :class:`Refusal` for a model that computes none."""
    if math.isnan(log_prob):
        raise Refusal(500, "the model's odds are no numbers", code="failed")
    return max(log_prob, IMPOSSIBLE)


class EngineAnswering:
    """``n`` answers to one prompt. See :class:`~runner.serving.completions.Answering`."""

    def __init__(
        self,
        model: str,
        fingerprint: str,
        headers: Mapping[str, str],
        prompt_ids: Sequence[int],
        replies: Sequence[Reply[Piece, Finish | None]],
        lines: Sequence[Any],
    ) -> None:
        self.model, self.fingerprint, self.headers = model, fingerprint, headers
        self.prompt_ids: Sequence[int] | None = prompt_ids
        self._replies, self._lines = replies, lines

    def pieces(self) -> AsyncGenerator[Piece, None]:
        return merged([_told(reply, at) for at, reply in enumerate(self._replies)])

    @property
    def usage(self) -> Usage | None:
        return Usage(len(self.prompt_ids or ()), sum(len(line.made) for line in self._lines))

    async def close(self) -> None:
        for reply in self._replies:
            reply.cancel()


async def _told(reply: Reply[Piece, Finish | None], index: int) -> AsyncGenerator[Piece, None]:
    """One answer's pieces, the last of which says why it ended. Raises :class:`Refusal` for one that came to no end."""
    try:
        async for piece in reply:
            yield piece
        finish = await reply
    except Refusal:
        raise
    except RunnerError as error:
        raise Refusal(500, f"the answer failed: {error.message}", code="failed") from error
    except Exception as error:
        raise Refusal(500, f"the answer failed: {type(error).__name__}", code="failed") from error
    if finish is None:
        raise Refusal(503, "the server is going: the answer was cut before its end", code="shutting_down")
    yield Piece(index=index, finish=finish)
