"""The files that an evaluation leaves: samples as they are done, then the document, a page, and Markdown to paste."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.evaluation.evaluation_tables import markdown, page
from runner.store.files import cannot_write, write_atomic, write_json
from runner.tasks.generation.scored.scored_task import ScoredTask
from runner.workspace import Workspace

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


def default_folder(workspace: Workspace) -> Path:
    """``evaluations/TIMESTAMP`` beside the runs and the models."""
    return workspace.home / "evaluations" / time.strftime("%Y%m%d-%H%M%S")


def check_writable(folder: Path) -> None:
    """Make the folder, and raise :class:`EnvironmentProblem` where the files of an evaluation cannot be written."""
    try:
        (folder / SAMPLES).mkdir(parents=True, exist_ok=True)
        for place in (folder, folder / SAMPLES):
            with tempfile.NamedTemporaryFile(dir=place):
                pass
        for path in _documents(folder):
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    except OSError as error:
        raise cannot_write(folder, error) from error


def write(document: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write ``evaluation.json``, ``evaluation.md`` and ``evaluation.html``; raises :class:`EnvironmentProblem`.

    Samples of an evaluation before, which the document in the folder lists and the new one does not, are removed.
    """
    paths = _documents(folder)
    stale = _samples_listed(_former(paths[0])) - _samples_listed(document)
    write_json(paths[0], document)
    write_atomic(paths[1], markdown(document).encode(errors="replace"))
    write_atomic(paths[2], page(document).encode(errors="replace"))
    for name in sorted(stale):
        _remove(folder, name)
    return paths


def _documents(folder: Path) -> list[Path]:
    return [folder / f"evaluation.{suffix}" for suffix in ("json", "md", "html")]


def _former(path: Path) -> Any:
    """The document that lies there; None where it is none."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def _samples_listed(document: Any) -> set[str]:
    """The files of samples that a document lists, below its folder; none of a document of another form."""
    try:
        return {str(model["samples"]) for task in document["tasks"] for model in task["models"]}
    except (KeyError, TypeError):
        return set()


def _remove(folder: Path, name: str) -> None:
    """Remove a file of samples, and its task's folder where that is empty then. Another place is left alone."""
    parts = Path(name).parts
    if len(parts) != 3 or parts[0] != SAMPLES or ".." in parts or not name.endswith(".jsonl"):
        return
    path = folder / name
    with contextlib.suppress(OSError):
        path.unlink()
        path.parent.rmdir()
