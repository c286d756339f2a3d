"""JSON pointers (RFC 6901): how every fault, flag and change names a place of a document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Path = tuple[str | int, ...]


def join(path: Iterable[str | int]) -> str:
    """``("model", "spec", 0)`` -> ``/model/spec/0``; the whole document is the empty string."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def split(pointer: str) -> list[str]:
    """The other way round; list indices stay text. Raises ValueError for what is not a pointer."""
    if pointer and not pointer.startswith("/"):
        raise ValueError(f"not a JSON pointer: {pointer!r}")
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def get(value: Any, pointer: str, default: Any = None) -> Any:
    """What ``pointer`` names inside ``value``, or the default if nothing is there."""
    for part in split(pointer):
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isascii() and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return default
    return value


def put(document: dict[str, Any], pointer: str, value: Any) -> dict[str, Any]:
    """A copy of an object in which ``pointer``, a place within objects, names ``value``."""
    first, *rest = split(pointer)
    inner = put(document[first], join(rest), value) if rest else value
    return document | {first: inner}
