"""What ``data.dataset`` of each built-in kind is, kept beside the code: making a schema takes longer than a prompt may.

``dataset_fields.json`` is written from the schemas (``make schemas``), and a test fails while the two differ. This
module imports nothing heavy.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from runner import registry

KEPT = Path(__file__).with_name("dataset_fields.json")


def dataset_field(kind: str) -> dict[str, Any]:
    """The schema of ``data.dataset`` of a kind: the kept one, or of a kind of somebody else's package the made one.

    Raises the registry's errors.
    """
    kept = _kept() if kind in registry.built_in() else {}
    return kept[kind] if kind in kept else _made(kind)


def text() -> str:
    """What :data:`KEPT` has to hold."""
    found = {kind: _made(kind) for kind in registry.built_in()}
    return json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def write() -> None:
    """Write :data:`KEPT` anew."""
    KEPT.write_text(text(), "utf-8")


@cache
def _kept() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(KEPT.read_text("utf-8"))
    return found


def _made(kind: str) -> dict[str, Any]:
    # Imported here: they are pydantic's, and whoever asks for a kept field waits for none of it.
    from runner.spec.json_schemas import schema_for
    from runner.spec.schema_walk import resolve

    root = schema_for(kind)
    found: dict[str, Any] = resolve(root["properties"]["data"], root)["properties"]["dataset"]
    return found
