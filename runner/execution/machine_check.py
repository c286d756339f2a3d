"""What this machine has and lacks for training, each with the way out."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from runner import __version__, registry
from runner.data import hub
from runner.errors import EnvironmentProblem, RunnerError
from runner.execution.docker_arguments import hub_cache
from runner.execution.secret_files import sweep
from runner.workspace import Workspace

#: Less than this free, and a run is likely to end for want of space: an image alone has two gigabytes.
LOW_DISK = 5 * 2**30


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    state: Literal["ok", "note", "missing"]
    message: str
    hint: str | None = None


def diagnose(workspace: Workspace) -> list[Finding]:
    """Look at everything. Never raises for what is missing; takes a second or two, mostly the engine's answer."""
    sweep()
    return [
        Finding("runner", "ok", f"{__version__}, Python {platform.python_version()}, {platform.machine()}"),
        *_engine(),
        _gpu(),
        _packages(),
        *_keys(),
        *_disk(workspace),
        *_models(),
        *_folders(workspace),
    ]


def _engine() -> Iterator[Finding]:
    from runner.execution import image_lookup
    from runner.execution.docker_engine import connect

    try:
        engine = connect()
    except EnvironmentProblem as error:
        yield Finding("engine", "missing", error.message, error.hint)
        return
    gpus = "with GPUs" if engine.gpus else "without GPUs"
    yield Finding("engine", "ok", f"Docker {engine.client.version()['Version']}, {gpus}")
    try:
        found = image_lookup.find(engine=engine)
    except EnvironmentProblem as error:
        yield Finding("image", "missing", error.message, error.hint)
        return
    note = image_lookup.stale_note(found)
    yield Finding("image", "note" if note else "ok", f"{found.name} ({found.digest[7:19]})", note)


def _gpu() -> Finding:
    try:
        query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
        listing = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return Finding(
            "gpu", "note", "none: nvidia-smi does not answer",
            'training runs on the CPU; a spec that sets "gpus" above 0 is refused here',
        )  # fmt: skip
    return Finding("gpu", "ok", "; ".join(listing.splitlines()))


def _packages() -> Finding:
    needed: set[str] = set()
    for kind in registry.kinds():
        try:
            needed |= set(registry.load(kind).REQUIRES)
        except (ImportError, RunnerError, AttributeError) as error:
            return Finding("packages", "missing", f"the model type {kind} cannot be loaded: {error}")
    missing = sorted(name for name in needed if _version(name) is None)
    if missing:
        return Finding("packages", "missing", f"not installed: {', '.join(missing)}", "pip install 'runner[train]'")
    return Finding("packages", "ok", ", ".join(f"{name} {_version(name)}" for name in sorted(needed)))


def _keys() -> Iterator[Finding]:
    from runner.tracking.wandb_key import find_key

    if find_key():
        yield Finding("wandb key", "ok", "found")
    else:
        yield Finding(
            "wandb key", "note", "none: runs with a wandb section are logged offline",
            "export WANDB_API_KEY=..., or `wandb login`; `runner artifacts push` uploads what waits",
        )  # fmt: skip
    token = os.environ.get("HF_TOKEN") or (hub.home() / "token").is_file()
    if token:
        yield Finding("hub token", "ok", "found")
    else:
        yield Finding("hub token", "note", "none: only gated data sets and models need one", "export HF_TOKEN=...")


def _disk(workspace: Workspace) -> Iterator[Finding]:
    seen: set[int] = set()
    for name, folder in (("runs", workspace.runs), ("models", workspace.store), ("cache", workspace.cache)):
        existing = _existing(folder)
        if existing.stat().st_dev in seen:
            continue
        seen.add(existing.stat().st_dev)
        free = shutil.disk_usage(existing).free
        low = free < LOW_DISK
        yield Finding(
            f"disk ({name})",
            "missing" if low else "ok",
            f"{free / 2**30:.1f} GiB free at {existing}",
            "free some: old runs' checkpoints, `docker image prune`" if low else None,
        )


def _models() -> Iterator[Finding]:
    from runner.training.pretrained import PACKAGED, available_locally

    for name in sorted(name for name in PACKAGED if "/" not in name):
        if available_locally(name):
            yield Finding("pretrained", "ok", f"{name} is here")
        else:
            yield Finding("pretrained", "note", f"{name} is not here", "it is downloaded when a run first needs it")
    folder = hub_cache()
    cached = sorted(path.name.removeprefix("models--").replace("--", "/") for path in folder.glob("models--*"))
    if cached:
        yield Finding("hub cache", "ok", f"{', '.join(cached)} ({folder})")


def _folders(workspace: Workspace) -> Iterator[Finding]:
    for name, folder in (("runs", workspace.runs), ("models", workspace.store), ("cache", workspace.cache)):
        existing = _existing(folder)
        if not os.access(existing, os.W_OK):
            yield Finding(f"folder ({name})", "missing", f"{existing} cannot be written", "choose another: RUNNER_HOME")


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return folder


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
