"""The command that asks a stored model about a file of rows."""

from __future__ import annotations

import shlex


def infer_file(model: str, program: str = "runner", file: str = "rows.csv") -> str:
    """``runner infer --model MODEL --input rows.csv``, quoted for a POSIX shell."""
    words = [*shlex.split(program), "infer", "--model", model, "--input", file]
    return " ".join(shlex.quote(word) for word in words)
