"""The models that a run needs beside those that its spec names: the bases of adapters, and what a package brings."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from runner import registry
from runner.errors import EnvironmentProblem
from runner.store.model_lookup import StoredModel, open_verified
from runner.training import made_models
from runner.workspace import Workspace

#: What a process runs that makes one: its arguments are the name and the cache.
MAKE = "import sys, pathlib; from runner.training.made_models import made; made(sys.argv[1], pathlib.Path(sys.argv[2]))"


@dataclass(frozen=True)
class Bases:
    """Bases of adapters, and of bases that are adapters themselves."""

    #: Absolute.
    folders: tuple[Path, ...]
    #: Names of pretrained models, each with its revision.
    names: tuple[tuple[str, str | None], ...]


def bases_of(models: Iterable[StoredModel], workspace: Workspace) -> Bases:
    """The bases of those of the models that do not stand alone. Raises what opening a stored base raises."""
    folders: dict[Path, None] = {}
    names: dict[tuple[str, str | None], None] = {}
    waiting = list(models)
    while waiting:
        model = waiting.pop()
        manifest = model.manifest()
        # As it was stored: an older version's spec may not be one of today's.
        section = registry.load(model.model_type).Spec.model_construct(**manifest.spec["model"]["spec"])
        field = section.opened_beside()
        if field is None:
            continue
        # A training that started from a stored model is beside that, whatever its spec names.
        stored = manifest.parent or manifest.references.get(field)
        if stored is not None:
            base, _ = open_verified(workspace.store, stored, workspace.cache)
            folders[base.path.absolute()] = None
            waiting.append(base)
            continue
        name = getattr(section, field)
        names[name, getattr(section, "revision", None)] = None
        if Path(name).is_absolute() and Path(name).is_dir():
            folders[Path(name)] = None
    return Bases(tuple(folders), tuple(names))


def keep_ready(names: Iterable[str], cache: Path) -> None:
    """Have the cache hold models whose weights an installed package brings: a container has the cache, not the package.

    Raises :class:`EnvironmentProblem` where one cannot be made here.
    """
    for name in names:
        if made_models.kept(name, cache):
            continue
        # In a process of its own: what waits for a container to end needs no torch, nor the memory of a model.
        done = subprocess.run([sys.executable, "-c", MAKE, name, str(cache)], capture_output=True, text=True)
        if not made_models.kept(name, cache):
            last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
            raise EnvironmentProblem(
                f"{name} could not be read from its package: {last}",
                where="/model/spec/base_model_name",
                hint="pip install 'runner[train]' gguf",
            )
