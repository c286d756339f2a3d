"""What answers a request, whatever it is: a model of this process, or an endpoint elsewhere. Nothing here knows HTTP.

A :class:`Completer` serves models by name. It is given a :class:`Request` and gives an :class:`Answering`, whose pieces
come as they are made; what it cannot do it refuses with a :class:`Refusal` before the first piece.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

#: Why an answer ended, as the wire has it.
Finish = Literal["stop", "length", "tool_calls", "content_filter"]


@dataclass(frozen=True)
class Settings:
    """How an answer is made. None: as the model does by itself.

    The names are the wire's, but for ``max_tokens``, which stands for ``max_completion_tokens`` too.
    """

    max_tokens: int | None = None
    min_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    #: How many answers.
    n: int = 1
    #: Whether each token comes with its log-probability, and with how many of the likeliest beside it.
    logprobs: bool = False
    top_logprobs: int = 0
    #: Whether tokens come with their ids, and the prompt's are told.
    token_ids: bool = False
    #: Whether the text may not depend on what is answered beside it.
    deterministic: bool = False


@dataclass(frozen=True)
class Request:
    """One question: a conversation (``messages``) or a text to go on with (``prompt``), one of them."""

    #: The model's name as it was asked for.
    model: str
    #: Turns as the client wrote them: ``role``, ``content`` (a text, or a list of parts), ``tool_calls``, ...
    messages: tuple[Mapping[str, Any], ...] | None = None
    #: A text, or token ids.
    prompt: str | tuple[int, ...] | None = None
    settings: Settings = Settings()
    #: Fields of the wire that no :class:`Settings` has and that the completer says it honours (:attr:`Served.fields`):
    #: ``tools``, ``tool_choice``, ``response_format``, ... as the client wrote them.
    fields: Mapping[str, Any] = field(default_factory=dict)
    #: The request's headers, names in lower case; the key that it was admitted by is not among them.
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Whether pieces are sent on as they come. Otherwise nothing is sent before the last: an answer that fails on the
    #: way may be begun again by another.
    streamed: bool = True


@dataclass(frozen=True)
class Token:
    """One token of an answer."""

    text: str
    log_prob: float | None = None
    #: The likeliest tokens in its place, the likeliest first: text and log-probability.
    top: tuple[tuple[str, float], ...] = ()
    id: int | None = None


@dataclass(frozen=True)
class Piece:
    """What was made of an answer since the piece before. No piece is taken back."""

    text: str = ""
    #: Which of the ``n`` answers it is of.
    index: int = 0
    #: What the model thought, where it tells that apart.
    reasoning: str = ""
    #: Calls of tools as the wire's stream has them: ``{"index": 0, "id": ..., "function": {...}}``.
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    #: The tokens that came with it, where log-probabilities or ids were asked for. Texts are held back where they may
    #: be the beginning of a stop text, and tokens with them.
    tokens: tuple[Token, ...] = ()
    #: Why its answer ended: in the last piece of each index, and in no other.
    finish: Finish | None = None


@dataclass(frozen=True)
class Usage:
    """Tokens of the prompt, and of all the answers, with what ended them."""

    prompt_tokens: int
    completion_tokens: int
    #: Of the prompt's, those that did not have to be computed; None where that is not known.
    cached_tokens: int | None = None


class Answering(Protocol):
    """An answer that is being made. ``async for piece in answering.pieces()`` is read once, to its end."""

    @property
    def model(self) -> str:
        """What answers: the name that the client is told."""

    @property
    def fingerprint(self) -> str:
        """What decides the answer beside the request: the model's version and the mode (``system_fingerprint``)."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of the response, known before the first piece: which model, why, in which mode."""

    @property
    def prompt_ids(self) -> Sequence[int] | None:
        """The token ids that the model was fed, where they are known."""

    def pieces(self) -> AsyncGenerator[Piece, None]:
        """What is made, as it is made. Raises :class:`Refusal` where it fails on the way."""

    @property
    def usage(self) -> Usage | None:
        """What it came to, once the pieces are over; None where nobody knows."""

    async def close(self) -> None:
        """Make no more of it. Called once at the end of every answer, also of one whose reader went away."""


class Closing(Protocol):
    """An answer of which more is known behind its last piece. A stream tells it in a comment before its end."""

    @property
    def closing(self) -> Mapping[str, str]:
        """Names and values as headers have them."""


@dataclass(frozen=True)
class Served:
    """A model that can be asked for by name."""

    name: str
    #: What it is: ``sft/helper/v3``, or the endpoint's name for it.
    root: str
    #: Unix time.
    created: int
    #: What can be asked of it: ``chat``, ``completions``, ``embeddings``, ``infer``.
    does: frozenset[str]
    owner: str = "runner"
    #: Fields of the wire that it honours beyond those of :class:`Settings`; ``*``: any, it answers for them itself.
    fields: frozenset[str] = frozenset()
    #: Fields of :class:`Settings` that it does not honour.
    without: frozenset[str] = frozenset()


@runtime_checkable
class Completer(Protocol):
    """Serves models by name."""

    def served(self) -> Sequence[Served]:
        """The models, now. A name of each stands in one completer alone."""

    async def start(self, request: Request) -> Answering:
        """Begin to answer. What it takes until the first piece is begun is done here, so that a refusal has its status.

        Raises :class:`Refusal`.
        """

    async def ready(self) -> None:
        """Return once it can answer: a token was made, an endpoint answered. Raises :class:`Refusal` while it cannot.
        Called again and again by ``/health``: it is cheap once it was well."""

    async def close(self) -> None:
        """Give up all that is not over."""


@runtime_checkable
class Finder(Protocol):
    """A completer that serves names beyond those that it lists."""

    def find(self, name: str) -> Served | None:
        """The listed model that answers to a name, None for no name of its own."""


class Refusal(Exception):
    """A request that is not answered, or not to its end: as OpenAI's error object says it.

    ``status`` is HTTP's; ``param`` names the field at fault; ``retry_after`` is in seconds, where another try may help.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        kind: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code
        self.kind = kind or _kind(status)
        self.retry_after = retry_after

    def as_dict(self) -> dict[str, Any]:
        """``{"error": {"message", "type", "param", "code"}}``: of a response, and of an event in mid-stream."""
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}


def _kind(status: int) -> str:
    if status == 429:
        return "rate_limit_error"
    return "invalid_request_error" if status < 500 else "server_error"
