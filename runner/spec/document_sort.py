"""What sort of document a file holds, seen without what either sort is checked with: that loads when it is needed."""

from __future__ import annotations

import json


def is_task(data: bytes | str) -> bool:
    """Whether a document is meant as a task of an evaluation: it says how rows are answered, and describes no model."""
    value = _object(data)
    return value is not None and "answer" in value and "model" not in value


def is_pipeline(data: bytes | str) -> bool:
    """Whether a document is meant as a pipeline: it has steps, and describes no model itself."""
    value = _object(data)
    return value is not None and "model" not in value and ("pipeline" in value or "steps" in value)


def is_batch(data: bytes | str) -> bool:
    """Whether a document is meant as a batch of pipelines."""
    value = _object(data)
    return value is not None and "model" not in value and ("batch" in value or "experiments" in value)


def _object(data: bytes | str) -> dict[str, object] | None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
