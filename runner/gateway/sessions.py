"""Which conversation a request is of, who answered its turn before, and how much of the prompt that one was asked."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from runner.gateway.backend_choice import Before
from runner.serving.completions import Request

#: The header that names a conversation.
HEADER = "x-runner-session"
#: Fields that tell conversations apart.
OF_SESSIONS = ("prompt_cache_key", "user")
#: Conversations that are remembered, and for how many seconds.
MOST, LONGEST = 20_000, 6 * 3600.0
#: Seconds for which a backend is taken to keep a prompt: the shortest that the common ones promise.
CACHED_FOR = 300.0


@dataclass
class _Session:
    llm: str
    #: How many messages it was asked last, and what they were.
    count: int
    digest: bytes
    prompt_tokens: float
    at: float


class Sessions:
    """Conversations by their keys, the latest kept. No text is in it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[str, _Session] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def before(self, key: str, messages: Sequence[Mapping[str, Any]]) -> Before | None:
        """The turn before, None for a conversation that is not known."""
        session = self._known.get(key)
        now = self._clock()
        if session is None or now - session.at > LONGEST:
            return None
        goes_on = len(messages) >= session.count and digest(messages[: session.count]) == session.digest
        fresh = now - session.at <= CACHED_FOR
        return Before(session.llm, session.prompt_tokens if goes_on and fresh else 0.0)

    def answered(self, key: str, llm: str, messages: Sequence[Mapping[str, Any]], prompt_tokens: float) -> None:
        """Remember who answered."""
        self._known[key] = _Session(llm, len(messages), digest(messages), prompt_tokens, self._clock())
        self._known.move_to_end(key)
        while len(self._known) > MOST:
            self._known.popitem(last=False)


def session_key(request: Request) -> str:
    """What a request's conversation is known by.

    The header ``x-runner-session``, or the field ``prompt_cache_key``, name it. Without either it is what the
    conversation began with, up to the user's first message, and the field ``user``, who may have several.
    """
    given = request.headers.get(HEADER) or request.fields.get("prompt_cache_key")
    if given:
        return "given:" + blake2b(str(given).encode("utf-8", "replace"), digest_size=16).hexdigest()
    messages = request.messages or ({"role": "user", "content": request.prompt},)
    first = next((at for at, message in enumerate(messages) if message.get("role") == "user"), 0)
    told = blake2b(digest(messages[: first + 1]), digest_size=16)
    told.update(str(request.fields.get("user") or "").encode("utf-8", "replace"))
    return "begun:" + told.hexdigest()


def digest(messages: Sequence[Mapping[str, Any]]) -> bytes:
    """What tells the same messages from others."""
    told = blake2b(digest_size=16)
    for message in messages:
        encoded = json.dumps(message, sort_keys=True).encode("utf-8", "replace")
        told.update(b"%d:" % len(encoded) + encoded)
    return told.digest()
