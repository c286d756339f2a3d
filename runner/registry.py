"""The kinds that exist, and loading one of them by name. The file system is the registry.

A family is a package named in the entry-point group ``runner.builders``; each of its public modules is one kind,
called by the module's name. The built-in families use the same door as anybody's. Listing imports no kind;
using one imports that one module.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import pkgutil
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, entry_points, version
from typing import cast

from runner.contract import Builder
from runner.errors import EnvironmentProblem, NotFoundError

GROUP = "runner.builders"


@dataclass(frozen=True)
class Kind:
    """A model type that exists: its name, its family's name, and the module to import when it is used."""

    name: str
    family: str
    module: str


@cache
def kinds() -> dict[str, Kind]:
    """Every kind by name, sorted. Raises nothing for a broken third-party package: its kinds are just not there."""
    found: dict[str, Kind] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        try:
            spec = importlib.util.find_spec(point.value)
        except (ImportError, ValueError):
            continue
        if spec is None:
            continue
        if spec.submodule_search_locations is None:
            modules = [point.value]
        else:
            modules = [
                f"{point.value}.{module.name}"
                for module in pkgutil.iter_modules(spec.submodule_search_locations)
                if not module.name.startswith("_")
            ]
        for module in modules:
            name = module.rpartition(".")[2]
            # The first to come keeps a name, so that a third party cannot quietly take over a built-in kind.
            if name not in found or module.startswith("runner.builders."):
                found[name] = Kind(name, point.name, module)
    return dict(sorted(found.items()))


def load(name: str) -> Builder:
    """The builder of a kind. Raises :class:`NotFoundError` with the nearest names for one that does not exist."""
    kind = kinds().get(name)
    if kind is None:
        near = difflib.get_close_matches(name, kinds(), n=1)
        raise NotFoundError(
            f"there is no model type {name!r}",
            hint=f"did you mean {near[0]!r}?" if near else f"the types are: {', '.join(kinds())}",
        )
    return cast(Builder, importlib.import_module(kind.module))


def require(name: str) -> None:
    """Check that the distributions a kind needs are installed, without importing them."""
    missing = []
    for distribution in load(name).REQUIRES:
        try:
            version(distribution)
        except PackageNotFoundError:
            missing.append(distribution)
    if missing:
        raise EnvironmentProblem(
            f"training {name} needs {', '.join(missing)}, not installed here",
            hint="pip install 'runner[train]', or run in a container: --executor docker",
        )
