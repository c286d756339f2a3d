"""The kinds' own examples, and what is in a model that was trained from one."""

from __future__ import annotations

import json
from typing import Any

from runner import registry
from tests.conftest import ROOT, Desk

KINDS = sorted(registry.kinds())
PROMPTS = ["What is 12 + 7?", "Reverse the word 'stone'.", "Name the capital of France.", "Hi"]


def example(kind: str, **changes: Any) -> dict[str, Any]:
    """The kind's own example, as a document."""
    return json.loads((ROOT / "specs" / f"{kind}.json").read_text()) | changes


def llms(document: dict[str, Any]) -> list[str]:
    """The LLMs of the training, as the tables list them."""
    tables = document["tables"]
    return [row["model"] for row in tables.get("leaderboard") or tables["lengths"]]


def files(desk: Desk, document: dict[str, Any]) -> dict[str, str]:
    """sha256 by file of a stored model."""
    manifest = json.loads((desk.home / document["path"] / "manifest.json").read_text())
    return {name: entry["sha256"] for name, entry in manifest["files"].items()}
