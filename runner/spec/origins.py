"""Where each value of a resolved spec comes from: the document, a default, an older spelling, the command line."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from runner.spec import pointers
from runner.spec.canonical import canonical
from runner.spec.old_names import as_written
from runner.spec.pointers import Path

if TYPE_CHECKING:
    from runner.spec.checking import LoadedSpec

Source = Literal["spec", "default", "older spelling", "flag"]


@dataclass(frozen=True)
class Origin:
    """One resolved value (a scalar or a list), and where it comes from."""

    pointer: str
    value: Any
    origin: Source


def origins(loaded: LoadedSpec, flags: dict[str, Any] | None = None) -> list[Origin]:
    """Every value of the resolved spec in the document's order, with its origin. ``flags`` are pointer -> value."""
    flags = flags or {}
    resolved = canonical(loaded.spec)
    resolved = overridden(resolved, flags)
    return [Origin(pointers.join(path), value, _origin(path, loaded, flags)) for path, value in _leaves(resolved, ())]


def overridden(value: dict[str, Any], flags: dict[str, Any]) -> dict[str, Any]:
    """The document's value with ``{"/run/executor": "local"}`` put in. The value given is not changed."""
    result = deepcopy(value)
    for pointer, flag in flags.items():
        *parents, name = pointers.split(pointer)
        inside = result
        for parent in parents:
            if not isinstance(inside.get(parent), dict):
                inside[parent] = {}
            inside = inside[parent]
        inside[name] = flag
    return result


def _leaves(value: Any, path: Path) -> list[tuple[Path, Any]]:
    if isinstance(value, dict) and value:
        return [leaf for key, item in value.items() for leaf in _leaves(item, (*path, key))]
    return [(path, value)]


def _origin(path: Path, loaded: LoadedSpec, flags: dict[str, Any]) -> Source:
    pointer = pointers.join(path)
    if any(pointer == flag or pointer.startswith(flag + "/") for flag in flags):
        return "flag"
    written = as_written(path, loaded.older)
    nothing = object()
    if pointers.get(loaded.document.value, pointers.join(written), nothing) is nothing:
        return "default"
    reworded = any(word.is_value and word.at[: len(written)] == written for word in loaded.older)
    return "older spelling" if written != path or reworded else "spec"
