"""What to type once a regressor is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.tasks._supervised.infer_command import infer_file


def command(model: str, tables: Mapping[str, Any], program: str = "runner", file: str | None = None) -> str:
    """A command that asks the stored ``model`` about a file, quoted for a POSIX shell. No table tells more of it."""
    return infer_file(model, program, file or "rows.csv")
