"""Which chat template a model has: the tokenizer's own, a built-in format, or a file of the user's, as one opened.

A tokenizer without a template is refused, and the built-in formats are named.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from runner.chat import formats
from runner.chat.refusals import TEMPLATE
from runner.chat.special_tokens import special_tokens, wants_start
from runner.chat.template_file import read_template
from runner.chat.template_rendering import Template
from runner.errors import DataError


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
    return read_template(path, name)
