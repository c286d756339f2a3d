"""An answer on its way through: handed on piece by piece, counted, and told of in headers."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from runner.gateway.answer_costs import Account
from runner.serving.completions import Answering, Piece, Refusal, Usage

Ended = Literal["ok", "broken", "gone"]
#: Characters of an answer that are kept for the log.
KEPT = 32_000


@dataclass
class Outcome:
    """What became of a request, as far as it is known."""

    llm: str
    why: str
    strongest: str
    #: Backends that were asked before, and what they did.
    failed: Mapping[str, str]
    expected_cost: float | None
    counted: Callable[[Outcome], Account]
    over: Callable[[Outcome], None]
    #: Whether the gateway is going: what breaks off then is nobody's fault.
    going: Callable[[], bool] = lambda: False
    id: str = field(default_factory=lambda: f"req-{secrets.token_hex(12)}")
    characters: int = 0
    ended: Ended = "gone"
    ended_at: float = 0.0
    _text: list[str] = field(default_factory=list)
    _kept: int = 0
    _account: Account | None = None

    def add(self, piece: Piece) -> None:
        """Count a piece."""
        text = piece.text
        self.characters += len(text) + len(piece.reasoning)
        if piece.tool_calls:
            self.characters += sum(len(str(call)) for call in piece.tool_calls)
        if piece.index == 0 and self._kept < KEPT:
            self._text.append(text)
            self._kept += len(text)

    def text(self) -> str:
        """The first answer's text, as far as it is kept."""
        return "".join(self._text)

    def account(self) -> Account:
        """What it came to, reckoned once."""
        if self._account is None:
            self._account = self.counted(self)
        return self._account

    def headers(self) -> dict[str, str]:
        """What is known before the first piece, and once it is over what it cost."""
        found = {
            "x-runner-request": self.id,
            "x-runner-model": self.llm,
            "x-runner-why": self.why,
            "x-runner-against": self.strongest,
        }
        if self.failed:
            found["x-runner-failed"] = "; ".join(f"{llm}: {reason}" for llm, reason in self.failed.items())
        if self.expected_cost is not None:
            found["x-runner-expected-cost"] = f"{self.expected_cost:.10g}"
        return found | (self.closing() if self.ended == "ok" else {})

    def closing(self) -> dict[str, str]:
        """What is known behind the last piece."""
        account = self.account()
        return {
            "x-runner-cost": f"{account.cost:.10g}",
            "x-runner-saved": f"{account.saved:.10g}",
            "x-runner-usage": "estimated" if account.estimated else "reported",
        }


class RoutedAnswer:
    """An answer of a completer's, under the name of the LLM that answers."""

    def __init__(self, inner: Answering, outcome: Outcome) -> None:
        self._inner, self.outcome = inner, outcome
        self._gathered: list[Piece] | None = None
        self._closed = False

    @property
    def model(self) -> str:
        return self.outcome.llm

    @property
    def fingerprint(self) -> str:
        return self._inner.fingerprint

    @property
    def headers(self) -> Mapping[str, str]:
        return dict(self._inner.headers) | self.outcome.headers()

    @property
    def closing(self) -> Mapping[str, str]:
        """What stands in a comment at the end of a stream: its headers went before it was known."""
        return self.outcome.closing()

    @property
    def prompt_ids(self) -> Sequence[int] | None:
        return self._inner.prompt_ids

    @property
    def usage(self) -> Usage | None:
        """What was told; where nothing was that can be believed, what the characters make."""
        if self._inner.usage is not None:
            return self._inner.usage
        found = self.outcome.account()
        return Usage(round(found.prompt_tokens), round(found.completion_tokens))

    async def gather(self) -> None:
        """Read all of it. Raises :class:`Refusal` where it breaks off: nothing was sent then."""
        self._gathered = [piece async for piece in self._counted()]

    def pieces(self) -> AsyncGenerator[Piece, None]:
        # Each generator between an endpoint and its reader costs every piece its turn.
        return self._counted() if self._gathered is None else _each(self._gathered)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await self._inner.close()
        self.outcome.ended_at = time.perf_counter()
        self.outcome.over(self.outcome)

    async def _counted(self) -> AsyncGenerator[Piece, None]:
        try:
            async for piece in self._inner.pieces():
                self.outcome.add(piece)
                yield piece
        except Refusal:
            if self.outcome.going():
                raise cut() from None
            self.outcome.ended = "broken"
            raise
        self.outcome.ended = "ok"


def cut() -> Refusal:
    """What is said of an answer that a gateway does not live to give."""
    return Refusal(503, "the server is going: the answer was cut before its end", code="shutting_down", retry_after=1)


async def _each(pieces: Sequence[Piece]) -> AsyncGenerator[Piece, None]:
    for piece in pieces:
        yield piece
