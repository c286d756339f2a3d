"""What to type once a model finds answers in texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.tasks._supervised.infer_command import infer_file


def command(model: str, tables: Mapping[str, Any], program: str = "runner") -> str:
    """A command that asks the stored ``model`` about a file of questions, quoted for a POSIX shell."""
    return infer_file(model, program, "questions.jsonl")
