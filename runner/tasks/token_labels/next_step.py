"""What to type once a tagger is trained."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any


def command(model: str, tables: Mapping[str, Any], program: str = "runner") -> str:
    """Asks about a sentence, quoted for a POSIX shell."""
    words = [*shlex.split(program), "infer", "--model", model, "--prompts", "Ida Novak flew to Oslo."]
    return " ".join(shlex.quote(word) for word in words)
