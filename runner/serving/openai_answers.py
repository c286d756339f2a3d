"""Answers as ``/v1`` writes them: whole, or as chunks. A whole answer is made of the same pieces as a streamed one."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runner.serving.completions import Answering, Piece, Settings, Token, Usage

Document = dict[str, Any]
#: The end of a stream.
DONE = b"data: [DONE]\n\n"
_ENCODER = json.JSONEncoder(ensure_ascii=False)


@dataclass
class _Choice:
    """One answer as far as it was made."""

    text: str = ""
    reasoning: str = ""
    calls: list[Document] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    finish: str | None = None


class Writer:
    """What the two endpoints have in common: an identity, and choices that grow."""

    KIND, CHUNK, PREFIX = "", "", ""

    def __init__(self, answering: Answering, settings: Settings, prompts: int = 1) -> None:
        self._answering, self._settings = answering, settings
        self._told: Document = {
            "id": f"{self.PREFIX}-{secrets.token_hex(12)}",
            "created": int(time.time()),
            "model": answering.model,
            "system_fingerprint": answering.fingerprint,
        }
        self._choices = [_Choice() for _ in range(settings.n * prompts)]
        self._begun: set[int] = set()
        #: What every chunk begins with, as it is written.
        self._head = b"data: " + _encoded(self._told | {"object": self.CHUNK})[:-1] + b", "

    def take(self, piece: Piece) -> None:
        """Keep a piece for :meth:`whole`."""
        choice = self._choices[piece.index]
        choice.text += piece.text
        choice.reasoning += piece.reasoning
        choice.tokens += piece.tokens
        choice.finish = piece.finish or choice.finish
        for call in piece.tool_calls:
            _merge(choice.calls, call)

    def whole(self, usage: Usage | None) -> Document:
        """The response."""
        made = self._told | {"object": self.KIND}
        made["choices"] = [self._whole(at, choice) for at, choice in enumerate(self._choices)]
        if usage is not None:
            made["usage"] = usage_of(usage)
        return made | self._ids()

    def chunks(self, piece: Piece) -> list[bytes]:
        """A piece as events."""
        return [self._event(choices=[choice]) for choice in self._parts(piece)]

    def usage_chunk(self, usage: Usage | None) -> bytes:
        """The chunk without choices that says what it came to."""
        return self._event(choices=[], usage=None if usage is None else usage_of(usage))

    def _event(self, **fields: Any) -> bytes:
        if not self._begun_once:
            self._begun_once = True
            fields |= self._ids()
        return self._head + _encoded(fields)[1:] + b"\n\n"

    _begun_once = False

    def _ids(self) -> Document:
        ids = self._answering.prompt_ids
        return {"prompt_token_ids": list(ids)} if self._settings.token_ids and ids is not None else {}

    def _token_ids(self, tokens: Sequence[Token]) -> Document:
        return {"token_ids": [token.id for token in tokens]} if self._settings.token_ids else {}

    def _whole(self, at: int, choice: _Choice) -> Document:
        raise NotImplementedError

    def _parts(self, piece: Piece) -> list[Document]:
        raise NotImplementedError


class ChatWriter(Writer):
    """``/v1/chat/completions``."""

    KIND, CHUNK, PREFIX = "chat.completion", "chat.completion.chunk", "chatcmpl"

    def _whole(self, at: int, choice: _Choice) -> Document:
        message: Document = {"role": "assistant", "content": choice.text, "refusal": None}
        if choice.reasoning:
            message["reasoning_content"] = choice.reasoning
        if choice.calls:
            message |= {"tool_calls": choice.calls, "content": choice.text or None}
        return {
            "index": at,
            "message": message,
            "logprobs": self._log_probs(choice.tokens),
            "finish_reason": choice.finish,
        } | self._token_ids(choice.tokens)

    def _parts(self, piece: Piece) -> list[Document]:
        found = []
        delta: Document = {}
        if piece.index not in self._begun:
            self._begun.add(piece.index)
            delta = {"role": "assistant", "content": ""}
        if piece.text:
            delta["content"] = piece.text
        if piece.reasoning:
            delta["reasoning_content"] = piece.reasoning
        if piece.tool_calls:
            delta["tool_calls"] = [dict(call) for call in piece.tool_calls]
        ids = self._token_ids(piece.tokens) if piece.tokens else {}
        logprobs = self._log_probs(piece.tokens) if piece.tokens else None
        if delta or piece.tokens:
            found.append({"index": piece.index, "delta": delta, "logprobs": logprobs, "finish_reason": None} | ids)
        if piece.finish is not None:
            found.append({"index": piece.index, "delta": {}, "logprobs": None, "finish_reason": piece.finish})
        return found

    def _log_probs(self, tokens: Sequence[Token]) -> Document | None:
        if not self._settings.logprobs:
            return None
        return {"content": [self._token(token) for token in tokens], "refusal": None}

    @staticmethod
    def _token(token: Token) -> Document:
        return _named(token.text, token.log_prob) | {"top_logprobs": [_named(*other) for other in token.top]}


def _named(text: str, log_prob: float | None) -> Document:
    # A token may be a part of a letter, whose bytes its text does not tell.
    known = None if "\ufffd" in text else list(text.encode("utf-8", "surrogatepass"))
    return {"token": text, "logprob": log_prob, "bytes": known}


class TextWriter(Writer):
    """``/v1/completions``."""

    KIND, CHUNK, PREFIX = "text_completion", "text_completion", "cmpl"

    def __init__(self, answering: Answering, settings: Settings, prompts: int = 1) -> None:
        super().__init__(answering, settings, prompts)
        #: How long each text is, where offsets are told.
        self._lengths = [0] * len(self._choices)

    def _whole(self, at: int, choice: _Choice) -> Document:
        self._lengths[at] = 0
        return {
            "index": at,
            "text": choice.text,
            "logprobs": self._log_probs(at, choice.tokens),
            "finish_reason": choice.finish,
        } | self._token_ids(choice.tokens)

    def _parts(self, piece: Piece) -> list[Document]:
        found = []
        ids = self._token_ids(piece.tokens) if piece.tokens else {}
        if piece.text or piece.tokens:
            logprobs = self._log_probs(piece.index, piece.tokens)
            found.append({"index": piece.index, "text": piece.text, "logprobs": logprobs, "finish_reason": None} | ids)
        if piece.finish is not None:
            found.append({"index": piece.index, "text": "", "logprobs": None, "finish_reason": piece.finish})
        return found

    def _log_probs(self, at: int, tokens: Sequence[Token]) -> Document | None:
        if not self._settings.logprobs:
            return None
        offsets = []
        for token in tokens:
            offsets.append(self._lengths[at])
            self._lengths[at] += len(token.text)
        return {
            "tokens": [token.text for token in tokens],
            "token_logprobs": [token.log_prob for token in tokens],
            "top_logprobs": [dict(token.top) for token in tokens] if self._settings.top_logprobs else None,
            "text_offset": offsets,
        }


def usage_of(usage: Usage) -> Document:
    """``usage``."""
    total = usage.prompt_tokens + usage.completion_tokens
    found: Document = {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": total,
    }
    if usage.cached_tokens is not None:
        found["prompt_tokens_details"] = {"cached_tokens": usage.cached_tokens}
    return found


def event(document: Document) -> bytes:
    """One event of a stream."""
    return b"data: " + _encoded(document) + b"\n\n"


def _encoded(document: Document) -> bytes:
    return _ENCODER.encode(document).encode("utf-8", "surrogatepass")


def comment(told: Mapping[str, str]) -> bytes:
    """Lines of a stream that its clients pass over."""
    return "".join(f": {name}: {value}\n" for name, value in told.items()).encode() + b"\n"


def _merge(calls: list[Document], delta: Any) -> None:
    """A call's part into the calls: arguments are texts that follow each other."""
    at = int(delta.get("index", len(calls)))
    while len(calls) <= at:
        calls.append({"id": None, "type": "function", "function": {"name": "", "arguments": ""}})
    call = calls[at]
    call["id"] = delta.get("id") or call["id"]
    function = delta.get("function") or {}
    call["function"]["name"] = function.get("name") or call["function"]["name"]
    call["function"]["arguments"] += function.get("arguments") or ""
