"""What sort of document a file holds, seen without what either sort is checked with: that loads when it is needed."""

from __future__ import annotations

import json


def is_task(data: bytes | str) -> bool:
    """Whether a document is meant as a task of an evaluation: it says how rows are answered, and describes no model."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and "answer" in value and "model" not in value
