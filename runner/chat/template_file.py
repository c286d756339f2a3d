"""A chat template of the user's, read out of its file, with what its text alone tells of it: before a run is made, and
again where it is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runner.chat.refusals import TEMPLATE
from runner.errors import DataError


def read_template(path: Path, name: str) -> str:
    """The text of a file that a spec calls ``name``.

    Raises :class:`DataError` at ``chat.template`` for what is no text, and, by line, for what is no template.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise DataError(f"the chat template {name} cannot be read: {reason}", where=TEMPLATE) from error
    _compile(text, name)
    return text


def _compile(text: str, name: str) -> None:
    """Compile it as transformers does, with its tags and none of its machinery, which takes seconds to import."""
    try:
        from jinja2 import TemplateSyntaxError, nodes
        from jinja2.ext import Extension, loopcontrols
        from jinja2.sandbox import ImmutableSandboxedEnvironment
    except ImportError:
        # It comes with what trains, and who only plans a run may do without.
        return

    class Generation(Extension):
        """``{% generation %}``, which marks what an assistant says."""

        tags = {"generation"}  # noqa: RUF012

        def parse(self, parser: Any) -> nodes.Node:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return nodes.Scope(body).set_lineno(line)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    try:
        environment.from_string(text)
    except TemplateSyntaxError as error:
        raise DataError(f"line {error.lineno} of the chat template {name}: {error.message}", where=TEMPLATE) from error
    except RecursionError:
        raise DataError(f"the chat template {name} is nested too deeply", where=TEMPLATE) from None
