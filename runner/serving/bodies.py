"""What a request says, with bounds to its size and to the time that it takes."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import ClientDisconnect, Request

from runner.serving.completions import Refusal

#: An escape that may be half of a character, and a half that no other half stands beside.
HALVES, HALF = re.compile(rb"\\u[dD][89a-fA-F]"), re.compile("[\\ud800-\\udfff]")


@dataclass(frozen=True)
class Bounds:
    """Of one request."""

    #: Bytes of a body and of all headers together, and seconds until a body is there.
    body: int = 8 * 1024 * 1024
    headers: int = 16 * 1024
    seconds: float = 60.0


def check_headers(request: Request, bounds: Bounds) -> None:
    """Raise :class:`Refusal` for headers that are too many."""
    if sum(len(name) + len(value) + 4 for name, value in request.headers.raw) > bounds.headers:
        raise Refusal(431, f"the headers are more than {bounds.headers:,} bytes", code="headers_too_large")


async def read_document(request: Request, bounds: Bounds) -> dict[str, Any]:
    """The JSON object that a body is. Raises :class:`Refusal`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        # A page of another site can send other types without asking, and no JSON.
        raise Refusal(415, f"the body is {kind or 'of no type'}: send application/json", code="not_json")
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > bounds.body:
        raise _too_large(bounds)
    found = bytearray()
    try:
        async with asyncio.timeout(bounds.seconds):
            async for chunk in request.stream():
                found += chunk
                if len(found) > bounds.body:
                    raise _too_large(bounds)
    except TimeoutError:
        raise Refusal(408, f"the body was not there after {bounds.seconds:g} s", code="too_slow") from None
    except ClientDisconnect:
        raise Refusal(400, "the client went away", code="gone") from None
    return parsed(bytes(found))


def parsed(data: bytes) -> dict[str, Any]:
    """Bytes as a JSON object, in which no name comes twice and every number is one. Raises :class:`Refusal`."""
    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        said = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Refusal(400, f"the body is no JSON: {said}", code="not_json") from None
    if not isinstance(found, dict):
        raise Refusal(400, "the body is no JSON object", code="not_json")
    # Halves come from escapes alone, and few bodies have one of these.
    if HALVES.search(data) and (place := _half(found, "")) is not None:
        raise Refusal(
            400,
            f"{place or 'the body'} has half a character: a text was cut within one, such as an emoji",
            param=place or None,
            code="half_a_character",
        )
    return found


def _half(value: Any, place: str) -> str | None:
    """The place of the first text that no UTF-8 can hold, of a name that of its object; None where there is none."""
    if isinstance(value, str):
        return place if HALF.search(value) else None
    if isinstance(value, list):
        parts = ((one, f"{place}[{at}]") for at, one in enumerate(value))
        return next((found for one, at in parts if (found := _half(one, at)) is not None), None)
    if isinstance(value, dict):
        for name, one in value.items():
            if HALF.search(name):
                return place
            if (found := _half(one, f"{place}.{name}".lstrip("."))) is not None:
                return found
    return None


def _too_large(bounds: Bounds) -> Refusal:
    return Refusal(413, f"the body is more than {bounds.body:,} bytes", code="body_too_large")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Refusal(400, f"the body has {twice!r} twice", param=twice, code="twice")
    return found


def _no_number(word: str) -> Mapping[str, Any]:
    raise ValueError(f"{word} is no number")
