"""Where weights are: ``tinker://RUN:train:0/weights/NAME`` is ``runs/RUN/weights/NAME``."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from runner.errors import ConflictError, NotFoundError, UsageError
from runner.runs.run_folder import Run, find_run
from runner.store.files import cannot_write, sync_tree
from runner.workspace import Workspace

#: ``weights`` have the optimizer's state, ``sampler_weights`` and ``external_weights`` are the adapter alone.
Sort = Literal["weights", "sampler_weights", "external_weights"]
#: Every save, a line: its name, sort, step, and what the loop said of it.
RECORD = "saved_weights.jsonl"
_PATH = re.compile(r"tinker://(?P<run>[^/:]+)(:train:\d+)?/(?P<sort>\w+)/(?P<name>[^/]+)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def path_of(run: str, sort: Sort, name: str) -> str:
    """The path of what a run saved."""
    return f"tinker://{run}:train:0/{sort}/{name}"


def folder_of(workspace: Workspace, path: str, *sorts: Sort) -> Path:
    """The folder that a path leads to.

    Raises :class:`UsageError` for what is no path, or one of another sort than is needed, and :class:`NotFoundError`
    where nothing is there.
    """
    found = _PATH.fullmatch(str(path))
    if found is None:
        raise UsageError(
            f"{path!r} is no path of saved weights", where="path", hint="tinker://RUN:train:0/weights/NAME: what "
            "save_state(NAME).result().path is",
        )  # fmt: skip
    if found["sort"] not in sorts:
        raise UsageError(
            f"{found['sort']} are not what is needed here",
            where=path,
            hint=f"needed: {', '.join(sorts)}; save_state writes weights, save_weights_for_sampler sampler_weights",
        )
    folder = _run_of(workspace, found["run"], path).path / found["sort"] / found["name"]
    if not folder.is_dir():
        beside = sorted(each.name for each in folder.parent.glob("[!.]*")) if folder.parent.is_dir() else []
        raise NotFoundError(
            "nothing was saved there", where=path, hint=f"there are {', '.join(beside)}" if beside else None
        )
    return folder


def _run_of(workspace: Workspace, name: str, path: str) -> Run:
    """The run of exactly that name: a path is kept, and may not come to mean another run."""
    hint = "`runner runs list` lists them"
    try:
        run = find_run(workspace.runs, name)
    except NotFoundError as error:
        hint = error.hint or hint
    except ConflictError as error:
        hint = f"is it one of {error.hint}?"
    else:
        if run.id == name:
            return run
        hint = f"did you mean {run.id!r}?"
    raise NotFoundError(f"there is no run {name!r}", where=path, hint=hint)


def write_weights(
    run: Path, sort: Sort, name: str, write: Callable[[Path], None], *, overwrite: bool, facts: Mapping[str, Any]
) -> str:
    """Write into a folder aside, then put it in its place; its path.

    Raises :class:`ConflictError` for a name that is taken, unless ``overwrite``.
    """
    target = run / sort / name
    if target.exists() and not overwrite:
        raise ConflictError(
            f"{sort} called {name!r} were saved before",
            where=path_of(run.name, sort, name),
            hint="another name, or overwrite=True",
        )
    try:
        target.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=target.parent) as scratch:
            made = Path(scratch) / "made"
            made.mkdir()
            write(made)
            sync_tree(made)
            if target.exists():
                shutil.rmtree(target)
            made.rename(target)
        line = json.dumps({"t": round(time.time(), 3), "name": name, "sort": sort} | dict(facts), default=str)
        with (run / RECORD).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError as error:
        raise cannot_write(target, error) from error
    return path_of(run.name, sort, name)


def check_name(name: str) -> str:
    """The name. Raises :class:`UsageError` for one that no folder can have."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name for weights", where="name", hint="letters, digits, dots, dashes and underscores"
        )
    return name
