"""Turns of a request, as OpenAI's clients write them, with nothing in them that would be passed over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner import near_names
from runner.serving.completions import Refusal

ROLES = ("system", "developer", "user", "assistant", "tool")
#: Keys of a turn that are read; and those that may stand there as long as they say nothing.
READ = ("role", "content", "name", "reasoning_content", "tool_calls", "tool_call_id")
EMPTY = ("refusal", "audio", "function_call", "annotations")


def turns_of(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The turns as rows of data have them. Raises :class:`Refusal` that names the place of what is not honoured."""
    return [_turn(turn, f"messages[{at}]") for at, turn in enumerate(messages)]


def _turn(turn: Mapping[str, Any], place: str) -> dict[str, Any]:
    for key, value in turn.items():
        if key not in READ and not (key in EMPTY and not value):
            known = near_names.hint(key, READ, f"a turn has {', '.join(READ)}")
            raise Refusal(400, f"{place}.{key} is not honoured: {known}", param=f"{place}.{key}", code="unknown_field")
    role = turn.get("role")
    if role not in ROLES:
        raise Refusal(
            400, f"{place}.role is {role!r}, and not one of {', '.join(ROLES)}", param=f"{place}.role", code="bad_role"
        )
    found = {key: value for key, value in turn.items() if key in READ and value is not None}
    if role == "developer":
        found["role"] = "system"
    if "content" in found:
        found["content"] = _text(found["content"], f"{place}.content")
    elif not found.get("tool_calls"):
        raise Refusal(400, f"{place} says nothing", param=f"{place}.content", code="no_content")
    return found


def _text(content: Any, place: str) -> str:
    """A text, or texts in parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise Refusal(400, f"{place} is neither a text nor a list of parts", param=place, code="bad_content")
    texts = []
    for at, part in enumerate(content):
        kind = part.get("type") if isinstance(part, Mapping) else None
        if kind != "text" or not isinstance(part.get("text"), str) or part.keys() - {"type", "text"}:
            raise Refusal(
                400,
                f"{place}[{at}] is of the type {kind!r}, and the model reads texts",
                param=f"{place}[{at}].type",
                code="not_a_text",
            )
        texts.append(part["text"])
    return "".join(texts)
