"""A chat template and what it writes.

Every one is a Jinja template and is rendered by transformers' own sandboxed machinery, as `apply_chat_template` does.
The day that a template asks for (``strftime_now``) is the one that it was opened with, the same for all unless said
otherwise: a model is asked with the day that it was trained with, and a run that is resumed or replayed on another day
has the same tokens.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from runner.chat.refusals import Unrenderable

#: The day of a template that asks for one: what Llama 3.2's has where it is told none.
DAY = date(2024, 7, 26)
#: One thread writes at a time: transformers keeps a compiled template, and with it the marks that it is making.
_WRITING = threading.Lock()
#: What a template may raise: it is a program, and a fault of it is never one of ours.
FAULTS = (
    TypeError, ValueError, LookupError, AttributeError, ArithmeticError, AssertionError, RecursionError,
)  # fmt: skip
_GENERATION = re.compile(r"\{%-?\s*generation\s*-?%\}")
_DATES = re.compile(r"""strftime_now\(\s*(?:"([^"]*)"|'([^']*)')\s*\)""")


@dataclass(frozen=True, slots=True)
class Written:
    """What a template wrote: the text, and the characters that it marks as an assistant's with ``{% generation %}``."""

    text: str
    generated: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Template:
    """A template with all that it needs but the conversation. ``tool_use`` is another one for conversations with tools,
    where a tokenizer has one."""

    name: str
    source: str
    tool_use: str | None
    special_tokens: Mapping[str, str]
    today: date
    #: The token that stands for a picture; None of a model that reads none.
    picture: str | None = None

    @property
    def asks_for_the_day(self) -> bool:
        return _DATES.search(self.source + (self.tool_use or "")) is not None

    def write(self, messages: Sequence[dict[str, Any]], tools: Sequence[Mapping[str, Any]], *, prompt: bool) -> Written:
        """The text of ``messages``; with ``prompt`` also the beginning of the answer that comes next.

        Raises: Unrenderable: the template refuses the messages, or falls over them.
        """
        from jinja2 import TemplateError
        from transformers.utils.chat_template_utils import render_jinja_template

        source = self.tool_use if tools and self.tool_use is not None else self.source
        marked = _GENERATION.search(source) is not None
        try:
            with _WRITING:
                # The function's signature says text; it returns the texts and the marked places.
                result: Any = render_jinja_template(
                    conversations=[[self._with_pictures(message) for message in messages]],
                    tools=[dict(tool) for tool in tools] or None,
                    chat_template=_dated(source, self.today),
                    return_assistant_tokens_mask=marked,
                    add_generation_prompt=prompt,
                    **dict[str, Any](self.special_tokens),
                )
        except (TemplateError, *FAULTS) as error:
            raise Unrenderable(
                "template refuses",
                f"the chat template ({self.name}) refuses the conversation: {error}",
                hint="change the row, or name another template in chat.template",
            ) from error
        texts, generated = result
        return Written(texts[0], tuple((start, end) for start, end in generated[0]) if marked else ())

    def _with_pictures(self, message: dict[str, Any]) -> dict[str, Any]:
        """A message whose content begins with pictures, for a template of parts: it writes them as it does itself.

        A picture within a text stays where it is, as its token.
        """
        content = message.get("content")
        if self.picture is None or not isinstance(content, list) or len(content) != 1:
            return message
        text = str(content[0].get("text", ""))
        count = 0
        while text.startswith(self.picture):
            count, text = count + 1, text.removeprefix(self.picture).lstrip("\n")
        parts = [{"type": "text", "text": text}] if text else []
        return message | {"content": [{"type": "image"}] * count + parts} if count else message


def _dated(source: str, today: date) -> str:
    """The template with a macro in place of the clock: it knows the formats that the template asks for."""
    days = {(double or single): today.strftime(double or single) for double, single in _DATES.findall(source)}
    if not days:
        return source
    # An expression ends the prelude, since Jinja drops the line break after a block.
    return (
        "{%- macro strftime_now(format) -%}{{- " + json.dumps(days, ensure_ascii=False) + "[format] -}}"
        "{%- endmacro -%}{{ '' }}" + source
    )
