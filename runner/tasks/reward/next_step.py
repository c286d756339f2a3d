"""What to type once a reward model is trained."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any


def command(model: str, tables: Mapping[str, Any], program: str = "runner") -> str:
    """A command that scores the answers of a file, quoted for a POSIX shell."""
    return f"{program} infer --model {shlex.quote(model)} --input answers.jsonl"
