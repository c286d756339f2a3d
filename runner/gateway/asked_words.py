"""What of a conversation the router reads: what the user said, and not what a harness wrote around it.

Agents fill conversations with text that nobody asked: a system prompt of thousands of words, results of tools,
reminders in tags. A router that embeds those routes on the agent's name. So it reads

- the last message of the user that has words of the user's in it, as the prompt;
- as the history, oldest first, the user's earlier words, and what was answered to them;
- nothing of roles ``system``, ``developer``, ``tool`` and ``function``, nor of calls of tools;
- nothing within the tags of :data:`HARNESS_TAGS`, ``<system-reminder>...</system-reminder>``, nor within those that are
  added to them. A tag that is not closed is the user's own words.

Where nothing is left of a conversation, its last text is read as it is: that is all there is to go by.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from runner.data.prompt_rows import Row

#: The tags that agents put around their own text in a user's message.
HARNESS_TAGS = (
    "system-reminder", "system_reminder", "environment_context", "environment_details", "user_instructions",
    "user_info", "project_layout", "open_and_recently_viewed_files", "additional_data", "attached_files",
    "ide_selection", "ide_opened_file", "command-name", "command-message", "command-args", "local-command-stdout",
    "local-command-stderr", "local-command-caveat", "task-notification", "tool_result", "function_results",
)  # fmt: skip
#: What a tag is called.
TAG = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,63}")
#: Turns before the last that are read: more say no more, and cost time.
MOST_TURNS = 50


def asked(messages: Sequence[Mapping[str, Any]], tags: Iterable[str] = ()) -> Row:
    """The prompt and its history, as a row of the router's training has them."""
    names = tuple(dict.fromkeys([*HARNESS_TAGS, *tags]))
    turns: list[tuple[str, str]] = []
    for message in messages:
        role = message.get("role")
        if role not in ("user", "assistant"):
            continue
        text = words_of(message.get("content"))
        if role == "user":
            text = without_tags(text, names).strip()
        if text:
            turns.append((str(role), text))
    last = max((at for at, (role, _) in enumerate(turns) if role == "user"), default=None)
    if last is None:
        texts = [text for message in messages if (text := words_of(message.get("content")))]
        return Row(texts[-1] if texts else "")
    return Row(turns[last][1], tuple(text for _, text in turns[max(0, last - MOST_TURNS) : last]))


def words_of(content: Any) -> str:
    """The text of a message's content, which is a text or a list of parts."""
    if isinstance(content, str):
        return _whole(content)
    if not isinstance(content, list):
        return ""
    texts = [part.get("text") for part in content if isinstance(part, Mapping) and part.get("type") == "text"]
    return _whole("\n".join(text for text in texts if isinstance(text, str)))


def _whole(text: str) -> str:
    """The text without halves of characters, which JSON may hold and no model reads."""
    return text.encode("utf-8", "replace").decode("utf-8")


def without_tags(text: str, tags: tuple[str, ...]) -> str:
    """The text without what stands within the tags, in time that grows with its length alone."""
    if "<" not in text:
        return text
    kept, done, unclosed = [], 0, set()
    for opening in _opening(tags).finditer(text):
        name = opening[1].lower()
        if opening.start() < done or name in unclosed:
            continue
        closing = _closing(name).search(text, opening.end())
        if closing is None:
            unclosed.add(name)
            continue
        kept.append(text[done : opening.start()])
        done = closing.end()
    return "".join([*kept, text[done:]])


@cache
def _opening(tags: tuple[str, ...]) -> re.Pattern[str]:
    names = "|".join(map(re.escape, tags))
    return re.compile(rf"<({names})(?:\s[^<>]{{0,500}})?>", re.IGNORECASE)


@cache
def _closing(tag: str) -> re.Pattern[str]:
    return re.compile(rf"</{re.escape(tag)}\s{{0,8}}>", re.IGNORECASE)
