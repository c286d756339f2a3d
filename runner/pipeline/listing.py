"""The pipelines of a workspace, as their journals tell them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from runner import near_names
from runner.errors import NotFoundError
from runner.pipeline.journal import NAME as JOURNAL
from runner.pipeline.journal import Journal
from runner.pipeline.pipeline_page import NAME as PAGE
from runner.pipeline.step_store import StepStore
from runner.runs.liveness import is_held
from runner.workspace import Workspace


def listing(workspace: Workspace) -> list[dict[str, Any]]:
    """Every pipeline, the one that changed last first."""
    home = StepStore(workspace).home
    folders = [path for path in home.iterdir() if (path / JOURNAL).is_file()] if home.is_dir() else []
    found = [_told(folder) for folder in folders]
    rows = [
        {
            "pipeline": each["pipeline"],
            "state": each["state"],
            "steps": len(each["steps"]),
            "done": sum(step["state"] == "done" for step in each["steps"]),
            "t": each["t"],
            "changed": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(each["t"])),
            "folder": each["folder"],
        }
        for each in found
    ]
    return sorted(rows, key=lambda row: (row["t"], row["pipeline"]), reverse=True)


def find_pipeline(workspace: Workspace, name: str) -> dict[str, Any]:
    """One pipeline: its state, and its steps. Raises :class:`NotFoundError` with the one that was probably meant."""
    home = StepStore(workspace).home
    folder = home / name
    if not name or "/" in name or name.startswith(("_", ".")) or not (folder / JOURNAL).is_file():
        names = [each["pipeline"] for each in listing(workspace)]
        hint = near_names.hint(name, names, "`runner pipeline list` lists them")
        raise NotFoundError(f"there is no pipeline {name!r}", where=str(home), hint=hint)
    return _told(folder)


def _told(folder: Path) -> dict[str, Any]:
    """What the journal's last run says, on top of what earlier ones did with steps that it did not come to."""
    lines = Journal(folder).lines()
    began = [at for at, line in enumerate(lines) if line["event"] == "pipeline-began"]
    names = lines[began[-1]].get("steps", []) if began else []
    steps = {name: {"step": name, "state": "to do"} for name in names}
    state, held = "interrupted", is_held(folder / ".lock")
    for line in lines:
        own = steps.get(line.get("step", ""))
        if line["event"] == "step-began" and own is not None:
            own.clear()
            own |= {"step": line["step"], "state": "begun", "verb": line.get("verb")}
        elif line["event"] in ("step-ended", "step-found") and own is not None:
            own |= {"state": "done"} | {key: line.get(key) for key in ("summary", "model", "run", "key")}
            own.pop("error", None)
        elif line["event"] == "step-failed" and own is not None:
            own |= {"state": "failed", "error": line["error"]["message"], "hint": line["error"].get("hint")}
    last = lines[-1]["event"] if lines else ""
    if held:
        state = "running"
    elif last == "pipeline-ended":
        state = "done"
    elif last == "step-failed":
        state = "failed"
    page = folder / PAGE
    return {
        "pipeline": folder.name,
        "state": state,
        "folder": str(folder),
        "page": str(page) if page.is_file() else None,
        "t": lines[-1].get("t", 0.0) if lines else 0.0,
        "steps": list(steps.values()),
    }
