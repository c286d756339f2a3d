"""Documents of OpenAI's wire as pieces: chunks of a stream, or a whole answer of an endpoint that does not stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeGuard

from runner.serving.completions import Finish, Piece, Token, Usage

#: What endpoints call the ends of answers, beside the wire's own names.
ENDS: dict[str, Finish] = {
    "stop": "stop", "length": "length", "tool_calls": "tool_calls", "content_filter": "content_filter",
    "max_tokens": "length", "function_call": "tool_calls",
}  # fmt: skip
#: Tokens that an endpoint's own template may add to a prompt, and how much longer than thought a prompt may be.
TEMPLATE, LONGER = 10_000, 4


class Malformed(Exception):
    """A document that is none of the wire's."""


def pieces_of(document: Mapping[str, Any]) -> Iterator[Piece]:
    """The pieces of a chunk, or of a whole answer. Raises :class:`Malformed`."""
    choices = document.get("choices")
    if not isinstance(choices, list):
        raise Malformed("a document without choices")
    for choice in choices:
        said = (choice.get("delta") or choice.get("message") or {}) if isinstance(choice, dict) else None
        if not isinstance(said, dict):
            raise Malformed("a choice that is no object")
        index = choice.get("index", 0)
        ended = choice.get("finish_reason")
        if ended == "abort":
            raise Malformed("an answer that was given up")
        piece = Piece(
            # Of an endpoint that goes on with texts, the choice itself has it.
            text=_text(said.get("content")) or _text(said.get("refusal")) or _text(choice.get("text")),
            index=index if isinstance(index, int) and index >= 0 else 0,
            reasoning=_text(said.get("reasoning_content")) or _text(said.get("reasoning")),
            tool_calls=tuple(_calls(said.get("tool_calls"))),
            tokens=tuple(_tokens(choice.get("logprobs"))),
            finish=ENDS.get(ended, "stop") if isinstance(ended, str) else None,
        )
        if said_something(piece) or piece.finish is not None:
            yield piece


def said_something(piece: Piece) -> bool:
    """Whether there is anything in a piece that a reader gets."""
    return bool(piece.text or piece.reasoning or piece.tool_calls or piece.tokens)


def usage_of(
    document: Mapping[str, Any], *, said: bool, longest_prompt: Callable[[], float | None], most: int | None
) -> tuple[Usage | None, bool]:
    """What an endpoint says an answer came to, and whether it said what cannot be.

    ``said`` is whether there was an answer, ``longest_prompt`` tells how many tokens the prompt may have by its bytes
    (None: nobody knows), and is asked of large counts alone; ``most`` is how many tokens of answers were allowed.
    """
    told = document.get("usage")
    if not isinstance(told, dict):
        return None, told is not None
    prompt, answer = told.get("prompt_tokens"), told.get("completion_tokens")
    if not _count(prompt) or not _count(answer) or prompt < 1:
        return None, True
    if (said and answer < 1) or (most is not None and answer > most):
        return None, True
    if prompt > TEMPLATE and (longest := longest_prompt()) is not None and prompt > LONGER * longest + TEMPLATE:
        return None, True
    details = told.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    if cached is not None and (not _count(cached) or cached > prompt):
        return Usage(prompt, answer), True
    return Usage(prompt, answer, cached), False


def _count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return "".join(part["text"] for part in value if isinstance(part, dict) and isinstance(part.get("text"), str))
    if not isinstance(value, str):
        raise Malformed("a text that is none")
    return value


def _calls(value: Any) -> Iterator[Mapping[str, Any]]:
    if value is None:
        return
    if not isinstance(value, list) or not all(isinstance(call, dict) for call in value):
        raise Malformed("calls of tools that are none")
    for at, call in enumerate(value):
        yield {"index": at} | call


def _tokens(value: Any) -> Iterator[Token]:
    content = value.get("content") if isinstance(value, dict) else None
    for token in content if isinstance(content, list) else ():
        if not isinstance(token, dict) or not isinstance(token.get("token"), str):
            raise Malformed("a token that is none")
        beside = token.get("top_logprobs") or ()
        yield Token(
            token["token"],
            token.get("logprob"),
            tuple((each["token"], each["logprob"]) for each in beside if isinstance(each, dict) and "logprob" in each),
        )
