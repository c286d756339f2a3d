"""One message of a conversation, as it is spelt: ``role`` and ``content``, or ``from`` and ``value``."""

from __future__ import annotations

from typing import Any

from runner.data import role_words

#: What a role is called, and what it is here.
ROLES = {word: role_words.WORDS[word] for word in role_words.OF_PROMPTS}


def role_of(message: Any) -> str | None:
    """``user``, ``assistant`` or ``system``; None for another role, and for what is no message."""
    role = _field(message, "role", "from")
    return ROLES.get(role) if isinstance(role, str) else None


def text_of(message: Any) -> str | None:
    """What was said: a string, or the texts of the content's parts, a line each. None where any of it is no text."""
    content = _field(message, "content", "value")
    if isinstance(content, str) or not isinstance(content, list):
        return content if isinstance(content, str) else None
    parts = []
    for part in content:
        if not isinstance(part, dict) or part.get("type") != "text" or part.get("image") is not None:
            return None
        if not isinstance(part.get("text"), str):
            return None
        parts.append(part["text"])
    return "\n".join(parts)


def _field(message: Any, name: str, other: str) -> Any:
    if not isinstance(message, dict):
        return None
    return message[other] if message.get(name) is None and other in message else message.get(name)
