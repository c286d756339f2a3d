"""What a request needs of whoever answers it: room for its tokens, tools, eyes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runner.inference.routing.costs import CHARACTERS_A_TOKEN
from runner.serving.completions import Refusal, Request
from runner.tasks.ranking.backend_sections import Backend

#: Tokens that a picture is taken for: about what common models make of a screenshot.
PICTURE_TOKENS = 1000
#: Tokens of the template around a message.
AROUND = 4
#: A token of code, or of other languages than English, has as few bytes as this: by it a prompt is never too long for
#: a backend that was thought to have room.
FEWEST_BYTES_A_TOKEN = 3
PICTURES = ("image_url", "input_image", "image")


@dataclass(frozen=True)
class Needs:
    """What a request needs."""

    #: Tokens of the prompt, as costs are expected by.
    prompt_tokens: float
    #: The most that they may be, and what is left for the answer: what must fit.
    longest: float
    tools: bool
    images: bool
    #: Whether the last message is what a tool gave: the model that called it goes on.
    in_tool_loop: bool

    def lacking(self, backend: Backend) -> str | None:
        """What a backend lacks for it, None where it has all."""
        if self.tools and not backend.tools:
            return "tools"
        if self.images and not backend.images:
            return "images"
        if backend.context_length is not None and self.longest > backend.context_length:
            return "length"
        return None


def needs_of(request: Request) -> Needs:
    """What a request needs. Raises :class:`Refusal` for a part of a message that no backend says it reads."""
    messages = request.messages or ({"role": "user", "content": request.prompt},)
    characters = size = pictures = 0
    for at, message in enumerate(messages):
        pictures += _pictures(message.get("content"), f"messages.{at}.content")
        text = _text(message)
        characters += len(text)
        size += len(text.encode("utf-8", "replace"))
    told = [json.dumps(request.fields[name]) for name in ("tools", "functions") if request.fields.get(name)]
    characters += sum(map(len, told))
    size += sum(map(len, told))
    beside = AROUND * len(messages) + PICTURE_TOKENS * pictures
    prompt = max(1.0, characters / CHARACTERS_A_TOKEN) + beside
    last = messages[-1].get("role") if messages else None
    return Needs(
        prompt_tokens=prompt,
        longest=size / FEWEST_BYTES_A_TOKEN + beside + (request.settings.max_tokens or 0),
        tools=bool(told) or any(message.get("tool_calls") or _of_tool(message) for message in messages),
        images=pictures > 0,
        in_tool_loop=last in ("tool", "function"),
    )


def _of_tool(message: Mapping[str, Any]) -> bool:
    return message.get("role") in ("tool", "function")


def _pictures(content: Any, where: str) -> int:
    if not isinstance(content, list):
        return 0
    found = 0
    for at, part in enumerate(content):
        kind = part.get("type") if isinstance(part, Mapping) else None
        if kind in PICTURES:
            found += 1
        elif kind not in ("text", "refusal"):
            raise Refusal(
                400, f"{where}.{at}: a part is text or image_url, and this is {kind!r}", param=f"{where}.{at}",
                code="unsupported_content",
            )  # fmt: skip
    return found


def _text(message: Mapping[str, Any]) -> str:
    """All of a message that is paid for as text."""
    content = message.get("content")
    texts: Sequence[Any] = content if isinstance(content, list) else [content]
    words = [part.get("text") if isinstance(part, Mapping) else part for part in texts]
    calls = message.get("tool_calls")
    return "".join([*(word for word in words if isinstance(word, str)), json.dumps(calls) if calls else ""])
