"""The files that a comparison leaves: one to read by program, one to paste, one to look at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.evaluation.compare_page import page
from runner.evaluation.compare_tables import markdown
from runner.store.files import write_atomic, write_json


def write(document: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write ``comparison.json``, ``comparison.md`` and ``comparison.html``; raises :class:`EnvironmentProblem`."""
    paths = [folder / f"comparison.{suffix}" for suffix in ("json", "md", "html")]
    write_json(paths[0], document)
    write_atomic(paths[1], markdown(document).encode(errors="replace"))
    write_atomic(paths[2], page(document).encode(errors="replace"))
    return paths
