"""What steps have made and what cut-short ones have left, below a folder: all that can be made again."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from runner.errors import RunnerError
from runner.pipeline.steps.carrying_out import ASIDE
from runner.store.prepared_data import ACCOUNT, FAMILY, STEP_ACCOUNT, in_folder
from runner.workspace import Workspace

#: Folders that are never looked into: none of them holds a step's output.
PASSED_OVER = ("node_modules", "__pycache__", "site-packages")


@dataclass(frozen=True)
class Made:
    """A folder that a step made, or (``left``) was making when it was killed. ``why`` says why it has to stay."""

    path: Path
    step: str
    why: str | None = None
    left: bool = False


def made_below(workspace: Workspace) -> list[Made]:
    """Every such folder below the workspace's own, but for what is stored and the folders of runs."""
    apart = {workspace.store.absolute(), workspace.runs.absolute(), workspace.cache.absolute()}
    found: list[Made] = []
    for here, folders, names in os.walk(workspace.home.absolute()):
        place = Path(here)
        for name in folders:
            if name.startswith(".") and name.endswith(ASIDE):
                found += _left(place / name)
        folders[:] = sorted(
            name for name in folders if name[0] != "." and name not in PASSED_OVER and place / name not in apart
        )
        if STEP_ACCOUNT in names and ACCOUNT not in names:
            found.append(_made(place, [*names, *folders]))
            folders.clear()
    family = workspace.store.absolute() / FAMILY
    for each in sorted(family.iterdir()) if family.is_dir() else ():
        if each.name.startswith(".") and each.name.endswith(ASIDE):
            found += _left(each)
    return found


def _made(folder: Path, names: list[str]) -> Made:
    try:
        prepared = in_folder(folder)
        assert prepared is not None
        step = prepared.steps[-1]["step"]
        own = {STEP_ACCOUNT, *prepared.account["files"]}
    except (RunnerError, LookupError, TypeError):
        return Made(folder, "?", "its account is damaged")
    strange = sorted(set(names) - own)
    return Made(folder, step, f"it has {strange[0]}, which no step made" if strange else None)


def _left(folder: Path) -> list[Made]:
    """The folder itself where whoever was making it is gone."""
    import psutil

    owner = next((word for word in reversed(folder.name.split(".")) if word.isdigit()), None)
    if owner is not None and psutil.pid_exists(int(owner)):
        return []
    return [Made(folder, "cut short", left=True)]
