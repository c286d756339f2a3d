"""One working folder, and nothing outside it: what an agent names is looked for there, with links followed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runner.errors import Fault, SpecError, UsageError
from runner.spec import pointers

#: What makes a pattern of a path.
PATTERN = "*?["


def inside(folder: Path, name: str, what: str) -> Path:
    """The path that ``name`` is in ``folder``, absolute, with every link of it followed.

    Raises :class:`UsageError` for one that leads out of the folder, whether or not there is anything.
    """
    if "\0" in name:
        raise UsageError("a path has no NUL", where=what)
    found = _resolved(folder, name)
    if found is None or not found.is_relative_to(folder.resolve()):
        raise UsageError(
            f"{name!r} is outside the working folder",
            where=what,
            hint="name a path within the folder that the server was started in, relative to it",
        )
    return found


def check_spec(folder: Path, document: dict[str, Any]) -> None:
    """Raise :class:`SpecError`, by pointer, for values of a spec that name files outside the folder.

    A value counts as a path where it looks like one that leads out and something is there, a folder of it included, or
    where it is a link in the folder that leads out. Names of models, data sets and texts are none.
    """
    faults = [
        Fault(
            message=f"leads out of the working folder: {value!r}",
            pointer=pointers.join(path),
            hint="an agent trains on what lies within the folder that its server was started in",
        )
        for path, value in _texts(document, ())
        if _leads_out(folder, value)
    ]
    if faults:
        raise SpecError(faults, source="<spec>")


def run_id(name: str) -> str:
    """The name of a run: an id, a part of one, or ``last``, never a path. Raises :class:`UsageError`."""
    if not name or "/" in name or "\\" in name or name.startswith((".", "-")):
        raise UsageError(f"{name!r} names no run", where="run", hint='an id, a part of one, or "last"')
    return name


def _leads_out(folder: Path, value: str) -> bool:
    if not value or "\0" in value or "\n" in value or len(value) > 4096 or value.startswith(("hub:", "http")):
        return False
    named = value
    if any(sign in value for sign in PATTERN):
        # Of a pattern the folder that it begins in counts.
        named = str(Path(value[: min(value.find(sign) for sign in PATTERN if sign in value)] + "x").parent)
    looks = named.startswith(("/", "~")) or ".." in Path(named).parts
    try:
        if not looks and not (folder / named).exists():
            return False
        found = _resolved(folder, named)
        if found is None:
            return True
        return not found.is_relative_to(folder.resolve()) and found.exists()
    except OSError:
        return looks


def _resolved(folder: Path, name: str) -> Path | None:
    try:
        return (folder / Path(name).expanduser()).resolve()
    except (RuntimeError, OSError):
        return None


def _texts(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _texts(each, (*path, str(name)))
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from _texts(each, (*path, at))
