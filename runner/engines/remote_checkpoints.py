"""Checkpoints in a run's directory: brought up while it trains, and down where another attempt goes on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from runner.engines import whole_folders
from runner.engines.run_root import RunRoot
from runner.engines.whole_folders import MANIFEST
from runner.errors import EnvironmentProblem, IntegrityError
from runner.runs.checkpoints import RunCheckpoints

FOLDER = "checkpoints"


def local_checkpoints(run: Path) -> dict[str, Path]:
    """The newest whole checkpoint of a local run, and of each of its stages: by stage, ``""`` for the run's own."""
    found: dict[str, Path] = {}
    for sums in sorted((run / FOLDER).rglob("sha256.json")):
        step = sums.parent
        if step.name.isdigit():
            stage = step.parent.relative_to(run / FOLDER).as_posix()
            found["" if stage == "." else stage] = step
    return found


def put(root: RunRoot, stage: str, step: Path, attempt: int, scratch: Path, checks: Callable[[], None]) -> None:
    """Copy one checkpoint there, under its attempt's number, and take away those that are too old to be of use.

    ``checks`` is asked before anything is written, and raises where it must not be. Raises :class:`FileNotFoundError`
    for a checkpoint that the training has removed meanwhile.
    """
    kept = scratch / f"{step.name}.kept"
    shutil.rmtree(kept, ignore_errors=True)
    try:
        kept.mkdir(parents=True)
        for path in step.iterdir():
            # The training removes old checkpoints in its own time.
            _link(path, kept / path.name)
        checks()
        home = "/".join(part for part in (FOLDER, stage) if part)
        whole_folders.put(root.storage, kept, f"{home}/{step.name}.{attempt:04d}")
        mine = [name for name in root.storage.names(home) if name.endswith(f".{attempt:04d}")]
        for old in mine[: -RunCheckpoints.keep]:
            # Without its manifest it is none, whatever is left of it.
            root.storage.remove(f"{home}/{old}/{MANIFEST}")
            root.storage.remove(f"{home}/{old}")
    finally:
        shutil.rmtree(kept, ignore_errors=True)


def bring(root: RunRoot, run: Path, said: Callable[[str], None]) -> list[str]:
    """Copy the newest checkpoint that is whole, of the run and of each of its stages, into a local run.

    One that is not is passed over, and told to ``said``. Returns their keys.
    """
    homes: dict[str, set[str]] = {}
    for key in root.storage.tree(FOLDER):
        folder, _, _ = key.rpartition("/")
        home, _, name = folder.rpartition("/")
        step, _, attempt = name.partition(".")
        if step.isdigit() and attempt.isdigit():
            homes.setdefault(home, set()).add(name)
    brought = []
    for home, names in sorted(homes.items()):
        for name in sorted(names, reverse=True):
            target = run / home / name.partition(".")[0]
            try:
                whole_folders.get(root.storage, f"{home}/{name}", target)
            except IntegrityError as error:
                shutil.rmtree(target, ignore_errors=True)
                said(f"passed over the checkpoint {home}/{name}: {error.message}")
                continue
            brought.append(f"{home}/{name}")
            break
    return brought


def upload_seconds(root: RunRoot) -> float | None:
    """How long it took to put the newest checkpoint there; None where none is, or it does not say."""
    for key in reversed(root.storage.tree(FOLDER)):
        if key.endswith(f"/{MANIFEST}"):
            try:
                found = whole_folders.manifest(root.storage, key.removesuffix(f"/{MANIFEST}"))
            except (IntegrityError, EnvironmentProblem):
                continue
            return found.seconds if found else None
    return None


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, target)
