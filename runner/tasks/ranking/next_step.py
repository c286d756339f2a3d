"""The command to type after a router was trained: two prompts, scored for the LLMs that lead the leaderboard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.tasks.ranking.llm_scoring import infer_command


def command(model: str, tables: Mapping[str, Any], program: str = "runner") -> str:
    """A command that scores with the stored ``model``, quoted for a POSIX shell. ``tables`` are the run's tables."""
    return infer_command(model, tables.get("leaderboard"), program)
