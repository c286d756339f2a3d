"""The files that an evaluation leaves: samples as they are done, then the document, a page, and Markdown to paste."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.evaluation.evaluation_tables import markdown, page
from runner.evaluation.scored.scored_task import ScoredTask
from runner.store.files import write_atomic, write_json

SAMPLES = "samples"


def write_samples(folder: Path, task: str, model: str, scored: ScoredTask) -> Path:
    """Write ``samples/TASK/TYPE--NAME--vN.jsonl``, a record a sample in the rows' order; raises
    :class:`EnvironmentProblem`."""
    path = folder / SAMPLES / task / f"{model.replace('/', '--')}.jsonl"
    write_atomic(
        path,
        (json.dumps(record, ensure_ascii=False).encode(errors="surrogatepass") + b"\n" for record in scored.records),
    )
    return path


def write(document: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write ``evaluation.json``, ``evaluation.md`` and ``evaluation.html``; raises :class:`EnvironmentProblem`."""
    paths = [folder / f"evaluation.{suffix}" for suffix in ("json", "md", "html")]
    write_json(paths[0], document)
    write_atomic(paths[1], markdown(document).encode(errors="replace"))
    write_atomic(paths[2], page(document).encode(errors="replace"))
    return paths
