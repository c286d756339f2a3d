"""The command that scores LLMs with a stored model, quoted for a POSIX shell."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

EXAMPLE_PROMPTS = ("Write a haiku about the sea.", "What is 17 * 23?")


def infer_command(model: str, listed: Any, program: str = "runner", prompts: Sequence[str] = EXAMPLE_PROMPTS) -> str:
    """``runner infer`` with the first three LLMs of a recorded table, whose rows are objects with a ``model``.

    Names that would read as an option, or that a terminal cannot show, are passed over.
    """
    rows = listed if isinstance(listed, list) else []
    names = [row.get("model") for row in rows if isinstance(row, dict)]
    llms = [name for name in names if isinstance(name, str) and name.isprintable() and name and name[0] != "-"][:3]
    words = [*shlex.split(program), "infer", "--model", model, "--models-to-score", *(llms or ["MODEL"])]
    return " ".join(shlex.quote(word) for word in [*words, "--prompts", *prompts])
