"""A chat template and what it writes: the tokenizer's own, a built-in format, or a file of the user's.

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
from pathlib import Path
from typing import Any

from runner.chat import formats
from runner.chat.refusals import TEMPLATE, Unrenderable
from runner.errors import DataError

#: The day of a template that asks for one: what Llama 3.2's has where it is told none.
DAY = date(2024, 7, 26)
#: One thread writes at a time: transformers keeps a compiled template, and with it the marks that it is making.
_WRITING = threading.Lock()
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
        except (TemplateError, TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
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


def open_template(tokenizer: Any, name: str, today: date, picture: str | None = None) -> Template:
    """The template that ``chat.template`` names, for one tokenizer; ``picture`` is its token of a picture.

    Raises:
        DataError: the tokenizer has no template, the file is none, or the format needs an end-of-text token that the
            tokenizer lacks.
    """
    starts = wants_start(tokenizer)
    tool_use = None
    if name == "tokenizer":
        source, tool_use = _own(tokenizer)
    elif name in formats.FORMATS:
        source = formats.template_of(name, starts=starts)
        if "eos_token" in source and tokenizer.eos_token is None:
            raise DataError(
                f"the format {name} ends every answer with the end-of-text token, and the tokenizer has none",
                where=TEMPLATE,
                hint="chatml needs none",
            )
    else:
        source = _file(name)
        if starts and "bos_token" not in source:
            source = "{{- bos_token -}}{{ '' }}" + source
    return Template(name, source, tool_use, special_tokens(tokenizer), today, picture)


def special_tokens(tokenizer: Any) -> dict[str, str]:
    """The tokens that a template may name, by their names."""
    return {key: value for key, value in tokenizer.special_tokens_map.items() if isinstance(value, str)}


def wants_start(tokenizer: Any) -> bool:
    """Whether the tokenizer begins a text with its beginning-of-text token."""
    start = tokenizer.bos_token_id
    return start is not None and tokenizer("a", verbose=False).input_ids[:1] == [start]


def begun(tokenizer: Any, ids: Sequence[int]) -> list[int]:
    """The ids of a text with what the tokenizer begins one with, once: also where the text has it already."""
    if not wants_start(tokenizer):
        return list(ids)
    start = tokenizer.bos_token_id
    first = next((at for at, token in enumerate(ids) if token != start), len(ids))
    return [start, *ids[first:]]


def _own(tokenizer: Any) -> tuple[str, str | None]:
    own = tokenizer.chat_template
    if isinstance(own, Mapping) and "default" in own:
        return own["default"], own.get("tool_use")
    if not own or isinstance(own, Mapping):
        raise DataError(
            "the base model's tokenizer has no chat template" + (" called default" if own else ""),
            where=TEMPLATE,
            hint=f"name a format: {', '.join(formats.FORMATS)}; or the path of a Jinja template. It is kept with the "
            "model",
        )
    return own, None


def _file(name: str) -> str:
    path = Path(name)
    if path.suffix != ".jinja":
        raise DataError(
            f"{name!r} is no chat template that is known",
            where=TEMPLATE,
            hint=f"tokenizer, {', '.join(formats.FORMATS)}, or the path of a file that ends in .jinja",
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise DataError(f"the chat template {name} cannot be read: {reason}", where=TEMPLATE) from error
    from jinja2 import TemplateSyntaxError
    from transformers.utils.chat_template_utils import _compile_jinja_template

    try:
        _compile_jinja_template(text)
    except TemplateSyntaxError as error:
        raise DataError(f"line {error.lineno} of the chat template {name}: {error.message}", where=TEMPLATE) from error
    return text
