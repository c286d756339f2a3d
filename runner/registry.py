"""The kinds that exist, and loading one of them by name. The file system is the registry.

A family is a package, each of its public modules is one kind, called by the module's name. The built-in families are
the packages of ``runner.builders``; a third party names its own in the entry-point group of that name. Listing imports
no kind; using one imports that one module.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, cast

from runner import near_names
from runner.errors import EnvironmentProblem, NotFoundError

# To list the kinds needs nothing of what they are made of: pydantic alone would take as long as all else.
if TYPE_CHECKING:
    from runner.contract import Builder, Footprint, FootprintContext, Task

GROUP = "runner.builders"


@dataclass(frozen=True)
class Kind:
    """A model type that exists: its name, its family's name, and the module to import when it is used."""

    name: str
    family: str
    module: str


@cache
def built_in() -> dict[str, Kind]:
    """The kinds that come with the program."""
    root = Path(__file__).with_name("builders")
    return {
        kind.name: kind
        for family in pkgutil.iter_modules([str(root)])
        if not family.name.startswith("_")
        for kind in _members(family.name, f"runner.builders.{family.name}", [str(root / family.name)])
    }


@cache
def kinds() -> dict[str, Kind]:
    """Every kind by name, sorted. Raises nothing for a broken third-party package: its kinds are just not there."""
    # It reads the metadata of everything that is installed, which takes longer than all else that `validate` does.
    from importlib.metadata import entry_points

    found = dict(built_in())
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        try:
            spec = importlib.util.find_spec(point.value)
        except (ImportError, ValueError):
            continue
        if spec is None:
            continue
        # The first to come keeps a name, so that nobody can quietly take over a built-in kind.
        if spec.submodule_search_locations is None:
            name = point.value.rpartition(".")[2]
            found.setdefault(name, Kind(name, point.name, point.value))
            continue
        for kind in _members(point.name, point.value, list(spec.submodule_search_locations)):
            found.setdefault(kind.name, kind)
    return dict(sorted(found.items()))


def _members(family: str, package: str, folders: list[str]) -> Iterator[Kind]:
    for module in pkgutil.iter_modules(folders):
        if not module.name.startswith("_"):
            yield Kind(module.name, family, f"{package}.{module.name}")


def find(name: str) -> Kind | None:
    """The kind of that name. A built-in one is found without asking what else is installed."""
    return built_in().get(name) or kinds().get(name)


def load(name: str) -> Builder:
    """The builder of a kind. Raises :class:`NotFoundError` with the nearest names for one that does not exist."""
    return _builder(_found(name))


def called(name: str) -> tuple[str, str] | None:
    """The kind that other programs call so, and the fields that say what the name means, as JSON or empty.

    A kind tells its names in ``CALLED``. None for a name that no kind has. Imports every built-in kind.
    """
    word = name.strip().casefold().replace("-", "_")
    for kind in built_in().values():
        names = getattr(_builder(kind), "CALLED", {})
        if word in names:
            return kind.name, names[word]
    return None


def _found(name: str) -> Kind:
    kind = find(name)
    if kind is None:
        if (other := called(name)) is not None:
            means, fields = other
            raise NotFoundError(
                f"there is no model type {name!r}", hint=f"here it is {means}{f' with {fields}' if fields else ''}"
            )
        types = f"the types are: {', '.join(kinds())}"
        raise NotFoundError(f"there is no model type {name!r}", hint=near_names.hint(name, kinds(), types))
    return kind


@cache
def _builder(kind: Kind) -> Builder:
    module = importlib.import_module(kind.module)
    return cast("Builder", module if hasattr(module, "train") and hasattr(module, "TASK") else _Parts(module))


#: What not every kind has.
OF_SOME = ("estimate", "StepLearner")


class _Parts:
    """A kind's module whose names are not all in it: a package's training and predictor, imported when asked for."""

    #: Where a package keeps what it does not say itself; the last two are there in some.
    PLACES: ClassVar = {
        "train": "training",
        "Predictor": "predictor",
        "estimate": "footprint",
        "StepLearner": "stepping",
    }

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self.__doc__ = module.__doc__

    def __getattr__(self, name: str) -> Any:
        if hasattr(self._module, name):
            return getattr(self._module, name)
        if name == "TASK":
            return self._older_task()
        place = f"{self._module.__name__}.{self.PLACES.get(name)}"
        # A kind that is one module has nothing anywhere else.
        alone = not hasattr(self._module, "__path__")
        if alone or name not in self.PLACES or (name in OF_SOME and importlib.util.find_spec(place) is None):
            raise AttributeError(f"{self._module.__name__} has no {name}")
        return getattr(importlib.import_module(place), name)

    def _older_task(self) -> Task:
        """Of a kind from before tasks were objects: its spec names one of the two that there were."""
        import warnings

        name = getattr(self._module.Spec, "task", "ranking")
        warnings.warn(
            f"{self._module.__name__} has no TASK; it is taken to be of {name}. In the next version it has to say so: "
            f"from runner.tasks.{name} import TASK",
            DeprecationWarning,
            stacklevel=2,
        )
        return cast("Task", importlib.import_module(f"runner.tasks.{name}").TASK)


def estimator(name: str) -> Callable[[Any, FootprintContext], Footprint] | None:
    """What tells, before a kind trains, what that will take; None of a kind that cannot. Imports what it needs."""
    return getattr(load(name), "estimate", None)


def task(name: str) -> Task:
    """The task of a kind. Raises :class:`NotFoundError` for a kind that does not exist."""
    return load(name).TASK


def predictor(folder: Path, device: str = "cpu") -> Any:
    """The predictor of a stored model's folder, whatever its kind: what one kind's model holds of another's.

    Raises :class:`NotFoundError` for a folder without a manifest, or of a type that does not exist here.
    """
    from runner.store.manifest import Manifest

    return load_predictor(load(Manifest.read(folder).model_type), folder, device)


def load_predictor(builder: Builder, folder: Path, device: str = "cpu", cache: Path | None = None) -> Any:
    """What a kind's ``Predictor.load`` gives, with what was added to the model since it was trained.

    A kind that needs no torch has no device to choose.
    """
    import inspect

    from runner.contract import EXTENSION

    load = builder.Predictor.load
    # A kind from before predictors were told of the cache takes none.
    more = {"cache": cache} if "cache" in inspect.signature(load).parameters else {}
    trained = load(folder, device=device if "torch" in builder.REQUIRES else "cpu", **more)
    return builder.TASK.room("extended").open_extended(trained, folder) if (folder / EXTENSION).is_dir() else trained


def require(name: str) -> None:
    """Check that the distributions a kind needs are installed, without importing them."""
    from importlib.metadata import PackageNotFoundError, version

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
