"""What to type once a language model is trained."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from runner.contract import Table

INVITATION = "ask it:"
#: Letters of a source that is shown on one line.
LONGEST = 120


def command(model: str, tables: Mapping[str, Any], program: str = "runner") -> str:
    """A command that asks the stored ``model``, quoted for a POSIX shell."""
    if looks_at_pictures(tables):
        return f"{program} infer --model {shlex.quote(model)} --input pictures --set 'question=What is this?'"
    return f"{program} infer --model {shlex.quote(model)} --prompts {shlex.quote(_prompt(tables))}"


def looks_at_pictures(tables: Mapping[str, Any]) -> bool:
    """Whether some of the tokens that it was trained on are a picture's."""
    rows = Table.read(tables.get("rows"))
    return rows is not None and "picture tokens" in rows.columns


def _prompt(tables: Mapping[str, Any]) -> str:
    """A source that the model was measured on, of one that turns texts into others; else a question."""
    written = Table.read(tables.get("written"))
    if written is not None and written.rows and len(first := str(written.rows[0][0])) <= LONGEST:
        return first
    return "What is the capital of France?"
