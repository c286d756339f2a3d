"""One question to an OpenAI-compatible endpoint: sent, tried again where that may help, and its answer read."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any

from runner.chat.endpoints.answers_cache import Answer
from runner.chat.endpoints.backends import Keyed

#: Answers of these codes may be others a moment later.
RETRIED = (408, 409, 425, 429, 500, 502, 503, 504, 529)
#: Seconds that are waited at most, whatever an endpoint asks for.
LONGEST_WAIT = 60.0
#: Seconds between two words on what is waited for.
QUIET = 10.0
#: Bytes of the longest answer that is read, and characters of an error that are shown.
LONGEST, SHOWN = 32 * 1024 * 1024, 200


class Failed(Exception):
    """A question that got no answer. ``reason`` is what is counted, ``told`` what the endpoint said of it."""

    def __init__(self, reason: str, told: str = "", retried: bool = False, wait: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.told, self.retried, self.wait = reason, told, retried, wait


class Seldom:
    """Says what it is given, once in ten seconds: of many that fail alike one is told."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say, self._lock, self._next = say, Lock(), 0.0

    def __call__(self, text: str) -> None:
        with self._lock:
            now = time.monotonic()
            if now < self._next:
                return
            self._next = now + QUIET
        self._say(text)


def _nobody(text: str) -> None:
    """Nobody is told."""


@dataclass(frozen=True)
class Asking:
    """How questions are asked."""

    timeout: float = 120.0
    #: How often a question is sent, at most.
    attempts: int = 5
    #: Seconds before the second attempt; each later one waits twice as long, and a random part of it.
    backoff: float = 1.0
    #: Set when nobody waits for an answer any more.
    stopped: Event = field(default_factory=Event)
    #: Is told who is waited for, and why: by any thread, and as often as it happens.
    say: Callable[[str], None] = _nobody

    def ask(self, pool: Any, keyed: Keyed, messages: Sequence[dict[str, str]]) -> Answer:
        """The answer of a ``urllib3.PoolManager``'s endpoint. Raises :class:`Failed` after the last attempt."""
        from tenacity import RetryCallState, Retrying, retry_if_exception, sleep_using_event, wait_exponential_jitter
        from tenacity.stop import stop_after_attempt, stop_when_event_set

        longer = wait_exponential_jitter(multiplier=self.backoff, max=LONGEST_WAIT, jitter=self.backoff)

        def wait(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked = error.wait if isinstance(error, Failed) else None
            return longer(state) if asked is None else min(asked, LONGEST_WAIT)

        def told(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            self.say(
                f"{keyed.backend.name}: {getattr(error, 'reason', error)}: asked again, "
                f"{state.attempt_number + 1} of {self.attempts} times"
            )

        retrying = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, Failed) and error.retried),
            stop=stop_after_attempt(self.attempts) | stop_when_event_set(self.stopped),
            sleep=sleep_using_event(self.stopped),
            wait=wait,
            before_sleep=told,
            reraise=True,
        )
        return retrying(self._once, pool, keyed, messages)

    def _once(self, pool: Any, keyed: Keyed, messages: Sequence[dict[str, str]]) -> Answer:
        import urllib3

        backend = keyed.backend
        body = json.dumps(backend.parameters | {"model": backend.model, "messages": list(messages)}).encode()
        started = time.monotonic()
        try:
            response = pool.request(
                "POST",
                f"{backend.base_url.rstrip('/')}/chat/completions",
                body=body,
                headers={"Content-Type": "application/json"} | keyed.headers(),
                timeout=urllib3.Timeout(connect=min(self.timeout, 10.0), read=self.timeout),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            try:
                raw = response.read(LONGEST + 1)
            finally:
                response.release_conn()
        except urllib3.exceptions.NewConnectionError as error:
            # It counts as a timeout in some versions.
            raise Failed("no connection", type(error).__name__, retried=True) from None
        except urllib3.exceptions.TimeoutError:
            raise Failed("no answer in time", retried=True) from None
        except urllib3.exceptions.HTTPError as error:
            raise Failed("no connection", type(error).__name__, retried=True) from None
        if response.status != 200:
            told = " ".join(raw.decode("utf-8", "replace").split())
            raise Failed(
                f"HTTP {response.status}",
                keyed.hidden(told)[:SHOWN],
                response.status in RETRIED,
                _seconds(response.headers.get("Retry-After")),
            )
        return _answer(raw, time.monotonic() - started)


def _answer(raw: bytes, latency: float) -> Answer:
    """The endpoint's document. Raises :class:`Failed` for what is none, and for an answer without text."""
    try:
        document = json.loads(raw)
        text = document["choices"][0]["message"]["content"]
        usage, ended = document.get("usage") or {}, document["choices"][0].get("finish_reason")
        tokens = [_count(usage.get(name)) for name in ("prompt_tokens", "completion_tokens")]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        raise Failed("an answer that is no chat completion") from None
    if not isinstance(text, str) or not text.strip():
        raise Failed("an empty answer")
    return Answer(text, tokens[0], tokens[1], latency, ended == "length")


def _count(value: Any) -> float | None:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _seconds(word: str | None) -> float | None:
    """What an endpoint asks to wait; a date is not understood."""
    try:
        return max(0.0, float(word)) if word is not None else None
    except ValueError:
        return None
