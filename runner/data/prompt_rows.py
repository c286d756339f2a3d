"""One JSON value as one prompt, or as one answer of an LLM: a line of a JSONL file, a row of a Parquet file."""

from __future__ import annotations

import math
from hashlib import blake2b
from typing import Any, NamedTuple

from runner.data.category_tags import TAG_COLUMN, tag_values
from runner.data.prompt_messages import role_of, text_of
from runner.errors import DataError

#: What a value has to be, said wherever one is not.
PROMPT = 'expected a JSON string, or an object with "prompt" (a string) or "messages" (a list of {"role", "content"})'
PAIR = 'expected {"prompt": "...", "response": "..."}, or "messages" that end in what the LLM answered'
#: The two names of a list of messages.
MESSAGES = ("messages", "conversation")
ROLES = ("system", "user", "assistant")
#: The names of a prompt's category tags: comparisons' own and its plural.
TAG_NAMES = (TAG_COLUMN, "category_tags")
TAGGED = 'category tags are an object of annotations, such as {"math_v0.1": {"math": true}}'


class Row(NamedTuple):
    """One prompt, the texts of the turns before it, oldest first, and what else the file has of it."""

    prompt: str
    history: tuple[str, ...] = ()
    id: str | int | None = None
    #: 12 numbers in the order of :data:`~runner.data.category_tags.TAGS`, NaN where unknown; None without any.
    tags: tuple[float, ...] | None = None

    def key(self) -> bytes:
        """What makes it the same question as another: its words, the turns before them, its tags."""
        told = blake2b(self.prompt.encode(), digest_size=16)
        for text in self.history:
            # The length in front: no two histories are the same run of bytes.
            told.update(f"\x00{len(text)}:".encode() + text.encode())
        if self.tags:
            told.update(f"\x01{self.tags}".encode())
        return told.digest()


def prompt_row(value: Any, where: str) -> Row:
    """A JSON value as a prompt; ``prompt`` counts where an object has messages too. Raises :class:`DataError`."""
    if isinstance(value, str):
        return Row(_text(value, where, PROMPT))
    if not isinstance(value, dict):
        raise DataError(f"found {_kind(value)}", where=where, hint=PROMPT)
    name = value.get("id")
    if name is not None and (isinstance(name, bool) or not isinstance(name, str | int)):
        raise DataError(f"the id is {_kind(name)}", where=where, hint="an id is a string or a whole number")
    if isinstance(name, str):
        _text(name, where, "an id is a string or a whole number")
    if value.get("prompt") is not None:
        if not isinstance(value["prompt"], str):
            raise DataError(f'"prompt" is {_kind(value["prompt"])}', where=where, hint=PROMPT)
        return Row(_text(value["prompt"], where, PROMPT), (), name, _tags(value, where))
    turns = _turns(value, where, PROMPT)
    last = max((at for at, (role, _) in enumerate(turns) if role == "user"), default=None)
    if last is None:
        raise DataError("no message is a user's", where=where, hint=PROMPT)
    return Row(turns[last][1], tuple(text for _, text in turns[:last]), name, _tags(value, where))


def _tags(value: dict[str, Any], where: str) -> tuple[float, ...] | None:
    """An object's category tags; None where it has none, or none that is known."""
    key = next((key for key in TAG_NAMES if value.get(key) is not None), None)
    if key is None:
        return None
    if not isinstance(value[key], dict):
        raise DataError(f'"{key}" is {_kind(value[key])}', where=where, hint=TAGGED)
    tags = tag_values(value[key])
    return None if all(math.isnan(tag) for tag in tags) else tags


def answer(value: Any, where: str) -> tuple[str, str]:
    """A JSON value as a (prompt, response) pair: the last answer of a conversation. Raises :class:`DataError`."""
    if not isinstance(value, dict):
        raise DataError(f"found {_kind(value)}", where=where, hint=PAIR)
    if any(value.get(key) is not None for key in ("prompt", "response")):
        for key in ("prompt", "response"):
            if not isinstance(value.get(key), str):
                found = "is missing" if value.get(key) is None else f"is {_kind(value[key])}"
                raise DataError(f'"{key}" {found}', where=where, hint=PAIR)
        prompt, response = (_text(value[key], where, PAIR) for key in ("prompt", "response"))
    else:
        turns = _turns(value, where, PAIR)
        if [role for role, _ in turns[-2:]] != ["user", "assistant"]:
            raise DataError("the messages do not end in a user's and an assistant's", where=where, hint=PAIR)
        (_, prompt), (_, response) = turns[-2:]
    if not response.strip():
        raise DataError("the response is empty", where=where, hint=PAIR)
    return prompt, response


def _turns(value: dict[str, Any], where: str, hint: str) -> list[tuple[str, str]]:
    """The messages as (role, text)."""
    key = next((key for key in MESSAGES if value.get(key) is not None), None)
    if key is None:
        raise DataError(f"the object has {', '.join(map(repr, value)) or 'nothing'}", where=where, hint=hint)
    messages = value[key]
    if not isinstance(messages, list):
        raise DataError(f'"{key}" is {_kind(messages)}', where=where, hint=hint)
    turns = []
    for number, message in enumerate(messages, 1):
        role = role_of(message)
        if role is None:
            raise DataError(f"message {number} has no role that is {', '.join(ROLES)}", where=where, hint=hint)
        text = text_of(message)
        if text is None:
            raise DataError(f"the content of message {number} is not text", where=where, hint=hint)
        turns.append((role, _text(text, where, hint)))
    return turns


def _text(text: str, where: str, hint: str) -> str:
    """The text itself, unless it has half a character in it: no document could hold it, no model read it."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(f"half a character, {text[error.start]!r}, is no text", where=where, hint=hint) from None
    return text


def _kind(value: Any) -> str:
    """What a value is, in the words of JSON."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    names = {int: "a number", float: "a number", str: "a string", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)
