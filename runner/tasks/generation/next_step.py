"""What to type once a language model is trained."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

INVITATION = "ask it:"


def command(model: str, tables: Mapping[str, Any], program: str = "runner") -> str:
    """A command that asks the stored ``model``, quoted for a POSIX shell."""
    return f"{program} infer --model {shlex.quote(model)} --prompts 'What is the capital of France?'"
