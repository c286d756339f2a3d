"""What to type once a model that compares texts is trained."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any


def command(model: str, tables: Mapping[str, Any], program: str = "runner") -> str:
    """A command that compares two texts a row, quoted for a POSIX shell."""
    return f"{program} infer --model {shlex.quote(model)} --input pairs.csv"
